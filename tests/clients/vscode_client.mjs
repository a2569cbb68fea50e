// vscode-jsonrpc, that is `Content-Length` framing, over a socket: `node vscode_client.mjs HOST PORT` or `... PATH`.
import assert from "node:assert/strict";
import net from "node:net";
import * as library from "vscode-jsonrpc/node";

const rpc = library.default ?? library;
const [hostOrPath, port] = process.argv.slice(2);
const socket = port ? net.connect(Number(port), hostOrPath) : net.connect(hostOrPath);
const connection = rpc.createMessageConnection(new rpc.SocketMessageReader(socket), new rpc.SocketMessageWriter(socket));
const problems = [];
connection.onError((problem) => problems.push(problem));
connection.onUnhandledNotification((message) => problems.push(message));
connection.listen();

assert.equal(await connection.sendRequest("demo.sum", 1, 2, 4), 7);
assert.equal(await connection.sendRequest("demo.subtract", { minuend: 42, subtrahend: 23 }), 19);
assert.deepEqual(await connection.sendRequest("demo.echo", { text: "é\u{1F600}\r\n\r\n" }), { text: "é\u{1F600}\r\n\r\n" });
assert.deepEqual(await connection.sendRequest("demo.echo", { big: "x".repeat(1_000_000) }), { big: "x".repeat(1_000_000) });

await assert.rejects(connection.sendRequest("demo.fail", { code: 5, message: "five", data: [1] }), (error) => {
  assert.deepEqual([error.code, error.message, error.data], [5, "five", [1]]);
  return true;
});
await assert.rejects(connection.sendRequest("no.such"), { code: -32601 });
await assert.rejects(connection.sendRequest("demo.throw"), { code: -32603 });

// Its own way to cancel: `$/cancelRequest`, answered with -32800.
const source = new rpc.CancellationTokenSource();
const long = connection.sendRequest("demo.sleep", { ms: 600000 }, source.token);
assert.deepEqual(await connection.sendRequest("demo.echo", { behind: "a slow one" }), { behind: "a slow one" });
source.cancel();
await assert.rejects(long, { code: -32800 });

await connection.sendNotification("demo.subtract", { minuend: 2, subtrahend: 1 });

const many = Array.from({ length: 200 }, (_, n) => connection.sendRequest("demo.echo", { n }));
(await Promise.all(many)).forEach((answer, n) => assert.deepEqual(answer, { n }));
assert.deepEqual(problems, []);
connection.end();
connection.dispose();
socket.destroy();
console.log("ok");
