// jayson as a server, over HTTP, TCP and WebSocket: says its URLs as a line of JSON, and ends with its stdin.
import { once } from "node:events";
import jayson from "jayson";

const methods = {
  add: ([a, b], done) => done(null, a + b),
  echo: (params, done) => done(null, params),
  fail: (_, done) => done({ code: 5, message: "five" }),
};

async function listening(server) {
  server.listen?.(0, "127.0.0.1");
  await once(server, "listening");
  return server.address().port;
}

const server = new jayson.Server(methods);
const http = await listening(server.http());
const tcp = await listening(server.tcp());
const websocket = await listening(server.websocket({ port: 0, host: "127.0.0.1" }));
console.log(JSON.stringify([`http://127.0.0.1:${http}/`, `tcp://127.0.0.1:${tcp}`, `ws://127.0.0.1:${websocket}/`]));
process.stdin.on("end", () => process.exit(0)).resume();
