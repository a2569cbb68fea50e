// npm's `undici`, which is Node's own fetch as well: `node undici_client.mjs HTTP_URL WS_URL LONG_MS`.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { calls, failsWith, manyAtOnce, notification } from "../clients/calls.mjs";
import { closed, everything, opened } from "./websocket_session.mjs";

const undici = createRequire(new URL("../clients/package.json", import.meta.url))("undici");
const [http, ws, long] = process.argv.slice(2);
const longMs = Number(long);
const type = { "content-type": "application/json" };
let last = 0;
const call = (method, params) => JSON.stringify({ jsonrpc: "2.0", method, params, id: ++last });

function outcome(status, { result, error }) {
  if (error) throw Object.assign(new Error(error.message), error, { status });
  return result;
}

async function fetched(method, params, more = {}) {
  const answer = await undici.fetch(http, { method: "POST", headers: { ...type, ...more.headers }, body: call(method, params), signal: more.signal });
  return outcome(answer.status, await answer.json());
}

async function through(dispatcher, method, params, more = {}) {
  const answer = await dispatcher.request({ path: "/", method: "POST", headers: type, body: call(method, params), ...more });
  return outcome(answer.statusCode, await answer.body.json());
}

async function cancelled(send) {
  const stop = new AbortController();
  const refused = assert.rejects(send(stop.signal), { name: "AbortError" });
  setTimeout(() => stop.abort(), 100);
  await refused;
}

// fetch
await calls(fetched);
await manyAtOnce(fetched);
assert.deepEqual(await fetched("demo.sleep", { ms: longMs }), { slept_ms: longMs });
await failsWith(fetched("demo.sleep", { ms: 600_000 }, { headers: { "sluice-timeout-ms": "50" } }), -32002);
assert.equal((await undici.fetch(http, { method: "POST", headers: type, body: notification })).status, 204);
const chunks = new Blob([call("demo.echo", ["x".repeat(100_000)])]).stream();
const streamed = await undici.fetch(http, { method: "POST", headers: type, body: chunks, duplex: "half" });
assert.equal((await streamed.json()).result[0].length, 100_000);
await cancelled((signal) => fetched("demo.sleep", { ms: 600_000 }, { signal }));

// A pool that keeps its connections, and one connection with many requests at once
const pool = new undici.Pool(http, { connections: 4 });
await calls((method, params) => through(pool, method, params));
await manyAtOnce((method, params) => through(pool, method, params));
await cancelled((signal) => through(pool, "demo.sleep", { ms: 600_000 }, { signal }));
assert.equal(await through(pool, "demo.sum", [1, 2]), 3);
await pool.close();
const pipelined = new undici.Client(http, { pipelining: 10 });
const answers = Array.from({ length: 100 }, (_, n) => through(pipelined, "demo.echo", [n], { idempotent: true }));
(await Promise.all(answers)).forEach((answer, n) => assert.deepEqual(answer, [n]));
await pipelined.close();

const socket = await opened(new undici.WebSocket(ws, "jsonrpc"));
assert.equal(socket.protocol, "jsonrpc");
await everything(socket, longMs);
const end = closed(socket);
socket.close(1000);
assert.deepEqual(await end, { code: 1000, wasClean: true });
await undici.getGlobalDispatcher().close();
console.log("ok");
