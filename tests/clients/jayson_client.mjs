// jayson over TCP or a Unix path: `node jayson_client.mjs HOST PORT` or `node jayson_client.mjs PATH`; over HTTP:
// `http://HOST:PORT`, or `http: PATH`; over WebSocket: `ws://HOST:PORT`.
import assert from "node:assert/strict";
import { once } from "node:events";
import { promisify } from "node:util";
import jayson from "jayson";

const [first, second] = process.argv.slice(2);

async function connect() {
  if (first === "http:") return jayson.Client.http({ socketPath: second });
  if (first.startsWith("http://")) return jayson.Client.http(first);
  if (first.startsWith("ws://")) {
    const client = jayson.Client.websocket({ url: first });
    await once(client.ws, "open");
    return client;
  }
  return jayson.Client.tcp(second ? { host: first, port: Number(second) } : { path: first });
}

const client = await connect();
const request = promisify((...parts) => {
  const done = parts.pop();
  client.request(...parts, (error, answer) => done(error, answer));
});

assert.equal((await request("demo.sum", [1, 2, 4])).result, 7);
assert.equal((await request("demo.subtract", { minuend: 42, subtrahend: 23 })).result, 19);
assert.deepEqual((await request("demo.echo", ["é\u{1F600}\n", { a: [null, true] }])).result, ["é\u{1F600}\n", { a: [null, true] }]);
assert.deepEqual((await request("demo.echo", ["x".repeat(1_000_000)])).result, ["x".repeat(1_000_000)]);

const failure = (await request("demo.fail", { code: 5, message: "five", data: { why: "asked" } })).error;
assert.deepEqual(failure, { code: 5, message: "five", data: { why: "asked" } });
assert.equal((await request("no.such", [])).error.code, -32601);

const batch = [
  client.request("demo.sum", [1, 2], undefined, false),
  client.request("demo.echo", ["silent"], null, false),
  client.request("demo.throw", [], undefined, false),
  client.request("demo.echo", ["last"], undefined, false),
];
const answers = await request(batch);
assert.deepEqual(answers.map((answer) => answer.result ?? answer.error.code), [3, -32603, ["last"]]);
assert.deepEqual(answers.map((answer) => answer.id), [batch[0].id, batch[2].id, batch[3].id]);

// A notification: over TCP written and half-closed at once.
await request("demo.subtract", [2, 1], null);

await Promise.all(Array.from({ length: 50 }, async (_, n) => assert.deepEqual((await request("demo.echo", [n])).result, [n])));
client.ws?.close();
console.log("ok");
