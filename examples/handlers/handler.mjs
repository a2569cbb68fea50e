#!/usr/bin/env node
// A handler in JavaScript that announces itself with rpc.hello: it names its methods, and its calls come with the
// time that is left, may overlap (`concurrency` in the configuration), and be cancelled.
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const running = new Map();
const methods = {
  'timer.sleep': async ([ms], { signal }) => {
    await sleep(ms, undefined, { signal });
    return { slept_ms: ms };
  },
  'timer.now': async () => new Date().toISOString(),
  'timer.left': async (params, { left }) => ({ left_ms: left }),
};

async function serve(call) {
  const stop = new AbortController();
  running.set(call.id, stop);
  try {
    if (!Object.hasOwn(methods, call.method)) return { error: { code: -32601, message: 'Method not found' } };
    return { result: await methods[call.method](call.params ?? [], { signal: stop.signal, left: call.timeout_ms }) };
  } catch (error) {
    if (error instanceof TypeError) return { error: { code: -32602, message: 'Invalid params', data: { reason: 'invalid_params' } } };
    return { error: { code: stop.signal.aborted ? -32800 : 1, message: error.message } };
  } finally {
    running.delete(call.id);
  }
}

const say = (message) => console.log(JSON.stringify({ jsonrpc: '2.0', ...message }));
say({ method: 'rpc.hello', params: { dialect: 'sluice', methods: Object.keys(methods).map((name) => ({ name, params: [] })) } });

createInterface({ input: process.stdin }).on('line', async (line) => {
  const call = JSON.parse(line);
  if (call.method === 'rpc.cancel') return running.get(call.params.id)?.abort();
  const outcome = await serve(call);
  if (call.id !== undefined) say({ id: call.id, ...outcome });
});
