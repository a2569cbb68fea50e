// viem's HTTP transport, also batching, and its WebSocket transport: `node viem_client.mjs http://HOST:PORT` or `ws://...`.
import assert from "node:assert/strict";
import { createClient, http, webSocket } from "viem";
import { calls, manyAtOnce, notification } from "./calls.mjs";

const url = process.argv[2];
const sender = (transport) => {
  const client = createClient({ transport });
  return { client, send: (method, params) => client.request({ method, params }, { retryCount: 0 }) };
};

if (url.startsWith("http:")) {
  const statuses = [];
  const onFetchResponse = (response) => void statuses.push(response.status);
  const { send } = sender(http(url, { onFetchResponse }));
  await calls(send);
  await manyAtOnce(send);

  statuses.length = 0;
  await manyAtOnce(sender(http(url, { batch: true, onFetchResponse })).send);
  assert.deepEqual(statuses, [200]); // it really was one batch

  // viem has no notifications; this is one by Node's own client.
  const answer = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: notification });
  assert.deepEqual([answer.status, await answer.text()], [204, ""]);
} else {
  const { client, send } = sender(webSocket(url, { reconnect: false }));
  await calls(send);
  await manyAtOnce(send);
  const rpc = await client.transport.getRpcClient();
  rpc.socket.send(notification); // viem has none of its own
  assert.deepEqual(await send("demo.echo", ["after the notification"]), ["after the notification"]);
  rpc.close();
}
console.log("ok");
