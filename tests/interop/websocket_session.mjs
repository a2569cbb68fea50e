// The session of every WebSocket client with a browser's interface.
import assert from "node:assert/strict";
import { calls, failsWith, manyAtOnce, notification } from "../clients/calls.mjs";

export const opened = (socket) =>
  new Promise((resolve, reject) => {
    socket.addEventListener("open", () => resolve(socket));
    socket.addEventListener("error", (event) => reject(event.error ?? new Error("no connection")));
  });

export const closed = (socket) =>
  new Promise((resolve) => socket.addEventListener("close", ({ code, wasClean }) => resolve({ code, wasClean })));

// `send(method, params, id)` gives a promise of the result.
export function session(socket) {
  const waiting = new Map();
  let last = 0;
  socket.addEventListener("message", ({ data }) => {
    const { id, result, error } = JSON.parse(data);
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error) reject(Object.assign(new Error(error.message), error));
    else resolve(result);
  });
  return (method, params, id = ++last) =>
    new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      socket.send(JSON.stringify({ jsonrpc: "2.0", method, params, id }));
    });
}

export async function everything(socket, longMs) {
  const send = session(socket);
  await calls(send);
  await manyAtOnce(send);
  assert.deepEqual(await send("demo.sleep", { ms: longMs }), { slept_ms: longMs });
  for (const [method, params] of [["rpc.cancel", { id: "long" }], ["$/cancelRequest", { id: "long" }]]) {
    const refused = failsWith(send("demo.sleep", { ms: 600_000 }, "long"), -32800);
    if (method === "rpc.cancel") assert.equal(await send(method, params), true);
    else socket.send(JSON.stringify({ jsonrpc: "2.0", method, params }));
    await refused;
  }
  socket.send(notification);
  return send;
}
