// ethers: its IPC provider, which sends no newline and splits answers at them, and those for HTTP, which batches, and
// WebSocket: `node ethers_client.mjs PATH`, or `http://HOST:PORT`, or `ws://HOST:PORT`.
import assert from "node:assert/strict";
import { FetchRequest, IpcSocketProvider, JsonRpcProvider, Network, WebSocketProvider } from "ethers";
import { calls, manyAtOnce, notification } from "./calls.mjs";

const address = process.argv[2];
const scheme = address.startsWith("/") ? "ipc" : new URL(address).protocol;
const Provider = { ipc: IpcSocketProvider, "http:": JsonRpcProvider, "ws:": WebSocketProvider }[scheme];
const network = Network.from(1);
const provider = new Provider(address, network, { staticNetwork: network });
const send = (method, params) => provider.send(method, params);

await calls(send);
await manyAtOnce(send);

// The providers have no notifications of their own; this is one on their socket, or by their HTTP client.
if (scheme === "http:") {
  const request = new FetchRequest(address);
  request.body = JSON.parse(notification);
  assert.equal((await request.send()).statusCode, 204);
} else {
  await provider._write(notification);
}
assert.deepEqual(await send("demo.echo", ["after the notification"]), ["after the notification"]);
await provider.destroy();
console.log("ok");
