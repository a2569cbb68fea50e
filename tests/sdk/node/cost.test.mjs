// What a call costs through the SDK, beside the loop of examples/handlers/handler.mjs that does without.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { call, start, startFile } from './handler.mjs';

const BARE = fileURLToPath(new URL('../../../examples/handlers/handler.mjs', import.meta.url));
const CALLS = 20_000;
const AT_ONCE = 16;
const MOST = 1.3; // measured on 2026-11-30: 0.4 with 16 calls at once, 0.6 with one

// CPU time of a process in clock ticks.
function ticks(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

async function costOf(handler) {
  const calls = Array.from({ length: AT_ONCE }, (_, at) => call(at + 1, 'timer.left', [1, 2], { timeout_ms: 30_000 }));
  const callMany = async () => {
    for (let done = 0; done < CALLS; done += AT_ONCE) {
      handler.send(...calls);
      for (let at = 0; at < AT_ONCE; ++at) await handler.nextLine();
    }
  };
  await callMany(); // until it is compiled
  const before = ticks(handler.process.pid);
  await callMany();
  return ticks(handler.process.pid) - before;
}

test('a call costs less than 1.3 times what the bare loop costs', async (t) => {
  const bare = await costOf(await startFile(t, BARE));
  const sdk = await costOf(await start(t, `
    method('timer.left', { params: { a: 'number', b: 'number' } }, async (a, b, { remaining }) => ({ left_ms: remaining }));
    serve();`));
  assert.ok(sdk < bare * MOST, `${sdk} ticks, ${bare} for the bare loop`);
  t.diagnostic(`${(sdk / bare).toFixed(2)} of the bare loop`);
});
