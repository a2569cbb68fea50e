// viem against a method that is busy: it is refused with 503 and Retry-After, waits that long, and succeeds.
// `node viem_retry.mjs HOST PORT` of a daemon where demo.sleep has max_concurrent = 1.
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { createClient, http } from "viem";

const [host, port] = process.argv.slice(2);
const url = `http://${host}:${port}`;
const sleep = { jsonrpc: "2.0", method: "demo.sleep", id: 1 };

// Keeps the method busy until its client disconnects. A refused call on the same connection shows that it has begun.
const busy = net.connect(Number(port), host);
busy.write(JSON.stringify({ ...sleep, params: { ms: 600_000 } }) + JSON.stringify({ ...sleep, params: { ms: 0 }, id: 2 }));
const [refusal] = await once(busy, "data");
assert.equal(JSON.parse(refusal).error.data.reason, "method_busy");

const answers = [];
const onFetchResponse = (response) => {
  answers.push({ status: response.status, at: performance.now(), retryAfter: response.headers.get("Retry-After") });
  busy.resetAndDestroy(); // to end it in order would be to wait for the answer
};
// Without Retry-After it would wait for 1 ms, then for 2.
const client = createClient({ transport: http(url, { onFetchResponse, retryDelay: 1, retryCount: 5 }) });
assert.deepEqual(await client.request({ method: "demo.sleep", params: { ms: 1 } }), { slept_ms: 1 });

const last = answers.pop();
assert.equal(last.status, 200);
assert.ok(answers.length >= 1);
for (const [n, answer] of answers.entries()) {
  assert.equal(answer.status, 503);
  assert.match(answer.retryAfter, /^[1-9][0-9]*$/);
  const waited = (answers[n + 1] ?? last).at - answer.at;
  assert.ok(waited >= Number(answer.retryAfter) * 1000 - 5, `came back after ${waited} ms`); // Node's timers are early by up to 1 ms
}
console.log("ok");
