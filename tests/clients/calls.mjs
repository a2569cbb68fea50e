// Calls through every library that can `send(method, params)` and gives a promise of the result.
import assert from "node:assert/strict";

// Libraries wrap an error's code in errors of their own.
const names = (error, code) => `${error.code} ${error.message} ${JSON.stringify(error)}`.includes(String(code));
export const failsWith = (promise, code) => assert.rejects(promise, (error) => names(error, code));

export async function calls(send) {
  assert.equal(await send("demo.sum", [1, 2, 4]), 7);
  assert.equal(await send("demo.subtract", { minuend: 42, subtrahend: 23 }), 19);
  assert.deepEqual(await send("demo.echo", ["é\u{1F600}\n", "}{"]), ["é\u{1F600}\n", "}{"]);
  assert.deepEqual(await send("demo.echo", ["x".repeat(1_000_000)]), ["x".repeat(1_000_000)]);
  await failsWith(send("no.such", []), -32601);
  await failsWith(send("demo.fail", { code: 1234567, message: "asked for" }), 1234567);
}

// Out of order: the slow one first. Libraries that batch make a batch of them.
export async function manyAtOnce(send) {
  const slow = send("demo.sleep", { ms: 200 });
  const many = await Promise.all(Array.from({ length: 50 }, (_, n) => send("demo.echo", [n])));
  many.forEach((answer, n) => assert.deepEqual(answer, [n]));
  assert.deepEqual(await slow, { slept_ms: 200 });
}

export const notification = JSON.stringify({ jsonrpc: "2.0", method: "demo.subtract", params: [2, 1] });
