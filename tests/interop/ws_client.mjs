// npm's `ws`: `node ws_client.mjs URL LONG_MS`.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { once } from "node:events";
import { closed, everything, opened, session } from "./websocket_session.mjs";

const { WebSocket } = createRequire(new URL("../clients/package.json", import.meta.url))("ws");
const [url, longMs] = process.argv.slice(2);

// Offers compression too, which the answer does without.
for (const [offered, chosen] of [[undefined, ""], ["jsonrpc", "jsonrpc"], [["chat", "mcp"], "mcp"], [["acme.v1"], "acme.v1"]]) {
  const socket = await opened(new WebSocket(url, offered));
  assert.deepEqual([socket.protocol, socket.extensions], [chosen, ""]);
  assert.equal(await session(socket)("demo.sum", [1, 2]), 3);
  const end = closed(socket);
  socket.close(1000, "done");
  assert.deepEqual(await end, { code: 1000, wasClean: true });
}
await assert.rejects(opened(new WebSocket(url, "chat")), /subprotocol/); // none was chosen, which it does not take

const socket = await opened(new WebSocket(url, "jsonrpc"));
const send = await everything(socket, Number(longMs));

const long = assert.rejects(send("demo.sleep", { ms: 600_000 }, "behind"), /cancel/);
socket.ping("alive?");
assert.equal(String(await once(socket, "pong")), "alive?");
await send("rpc.cancel", { id: "behind" }, "cancel");
await long;

const fragmented = await opened(new WebSocket(url));
const text = JSON.stringify({ jsonrpc: "2.0", method: "demo.echo", params: ["é"], id: 1 });
for (const byte of Buffer.from(text)) fragmented.send(Buffer.from([byte]), { binary: false, fin: false });
fragmented.send("", { fin: true });
const [reply] = await once(fragmented, "message");
assert.deepEqual(JSON.parse(reply).result, ["é"]);
fragmented.close();

// Gone without a close frame while a call runs.
send("demo.sleep", { ms: 600_000 }, "left");
await send("demo.sum", [1], "behind it");
const end = closed(socket);
socket.terminate();
await end;
console.log("ok");
