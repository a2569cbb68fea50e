// A handler made with the Node.js SDK, for test_node_sdk.py. $SDK is the SDK's file.
import { setTimeout as sleep } from 'node:timers/promises';

const { RpcError, method, publish, serve } = await import(process.env.SDK);

console.log('a line before the first');
method('node.pid', () => process.pid);
const ms = { type: 'integer', minimum: 0, maximum: 3600000 };
const slept = { type: 'object', properties: { slept_ms: ms }, required: ['slept_ms'] };
method('node.sleep', { params: { ms }, result: slept, summary: 'Waits' }, async (ms, call) => {
  try {
    return await sleep(ms, { slept_ms: ms }, { signal: call.signal });
  } catch (error) {
    console.log(`aborted: ${call.signal.reason.message}`);
    throw error;
  }
});
method('node.spin', () => { for (;;); });
method('node.left', (params, call) => call.remaining);
method('node.exit', ([status]) => process.exit(status));
method('node.kill', () => process.kill(process.pid, 'SIGKILL'));
method('node.fail', { params: { code: 'integer', message: 'string', 'data?': 'any' } }, (...error) => {
  error.pop();
  throw new RpcError(...error);
});
method('node.throw', () => { throw new Error('the inside'); });
method('node.print', () => { process.stdout.write('{"jsonrpc":"2.0","id":1,"result":"a lie"}\n'); return 'printed'; });
method('node.echo', (params) => params);
method('node.say', async (params, call) => {
  call.progress(0.5);
  call.notify('work.part', { n: 1 }, { key: 'bar' });
  await publish('topic', 1);
  return 'said';
});
serve();
