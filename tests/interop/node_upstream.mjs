// A JSON-RPC server on Node's own HTTP server, with what Node does about connections.
//   node node_upstream.mjs KEEP_ALIVE_MS REQUESTS_PER_SOCKET RECYCLE_AFTER
// 0 leaves a setting as it is. RECYCLE_AFTER: after so many responses a connection is closed unannounced, as by a
// worker that is replaced. Prints its port, ends with its stdin.
import http from "node:http";

const [keepAlive, perSocket, recycleAfter] = process.argv.slice(2).map(Number);
const served = new WeakMap();

function answer(call) {
  if (call.method === "node.fail") return { error: { code: 5, message: "five" } };
  if (call.method === "node.connections") return { result: accepted };
  return { result: call.params ?? null };
}

let accepted = 0;
const server = http.createServer((request, response) => {
  let text = "";
  request.setEncoding("utf8");
  request.on("data", (piece) => (text += piece));
  request.on("end", () => {
    const call = JSON.parse(text);
    const reply = JSON.stringify({ jsonrpc: "2.0", id: call.id, ...answer(call) });
    const count = (served.get(request.socket) ?? 0) + 1;
    served.set(request.socket, count);
    if (recycleAfter && count >= recycleAfter) response.on("finish", () => request.socket.destroy());
    const wait = call.method === "node.sleep" ? call.params[0] : 0;
    setTimeout(() => {
      response.setHeader("Content-Type", "application/json");
      response.end(reply);
    }, wait);
  });
});
server.on("connection", () => ++accepted);
if (keepAlive) server.keepAliveTimeout = keepAlive;
if (perSocket) server.maxRequestsPerSocket = perSocket;
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.resume().on("end", () => process.exit(0));
