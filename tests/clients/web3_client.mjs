// web3 (its core, with the providers for HTTP and WebSocket): `node web3_client.mjs http://HOST:PORT` or `ws://...`.
import assert from "node:assert/strict";
import { Web3Context, Web3BatchRequest } from "web3-core";
import { HttpProvider } from "web3-providers-http";
import { WebSocketProvider } from "web3-providers-ws";
import { calls, failsWith, manyAtOnce, notification } from "./calls.mjs";

const url = process.argv[2];
const overHttp = url.startsWith("http:");
const provider = overHttp ? new HttpProvider(url) : new WebSocketProvider(url);
const { requestManager } = new Web3Context(provider);
const send = (method, params) => requestManager.send({ method, params });

await calls(send);
await manyAtOnce(send);

const batch = new Web3BatchRequest(requestManager);
const entries = [batch.add({ method: "demo.sum", params: [1, 2] }), batch.add({ method: "no.such", params: [] }), batch.add({ method: "demo.echo", params: ["last"] })];
const failed = failsWith(entries[1], -32601);
await batch.execute();
assert.equal(await entries[0], 3);
assert.deepEqual(await entries[2], ["last"]);
await failed;

// web3 has no notifications; this is one on its socket, or by the client that it uses for HTTP.
if (overHttp) {
  const answer = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: notification });
  assert.equal(answer.status, 204);
} else {
  provider._socketConnection.send(notification);
  assert.deepEqual(await send("demo.echo", ["after the notification"]), ["after the notification"]);
  provider.disconnect(1000, "");
}
console.log("ok");
