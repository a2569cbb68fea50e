// Calls: at once, cancelled, out of time, failing, with notes, and at the end of the process.
import assert from 'node:assert/strict';
import test from 'node:test';
import { call, start, within } from './handler.mjs';

// `hold` answers when `release` is called with its name; `ignore` does so whatever happens to its signal.
const HOLD = `
const held = new Map();
const gate = (name) => new Promise((resolve) => held.set(name, resolve));
method('hold', ([name]) => gate(name));
method('release', ([name]) => { held.get(name)(name); return 'released'; });
method('wait', (params, { signal }) => sleep(600_000, 'slept', { signal }));
method('echo', (params) => params);
`;
const CANCEL = (id) => ({ jsonrpc: '2.0', method: 'rpc.cancel', params: { id } });

test('calls overlap and are answered in the order in which they end', async (t) => {
  const handler = await start(t, `${HOLD}serve();`);
  handler.send(call(1, 'hold', ['a']), call(2, 'hold', ['b']), call(3, 'echo', ['quick']));
  assert.equal((await handler.next()).id, 3);
  handler.send(call(4, 'release', ['b']), call(5, 'release', ['a']));
  const ids = [];
  for (let at = 0; at < 4; ++at) ids.push((await handler.next()).id);
  assert.ok(ids.indexOf(2) < ids.indexOf(1), ids.join());
});

test('concurrency bounds what runs at once; the others wait, and can be cancelled', async (t) => {
  const handler = await start(t, `${HOLD}
    let running = 0;
    let most = 0;
    method('count', async () => { most = Math.max(most, ++running); await sleep(1); --running; return most; });
    serve({ concurrency: 2 });`);
  handler.send(...Array.from({ length: 50 }, (_, at) => call(at, 'count')));
  let most = 0;
  for (let at = 0; at < 50; ++at) most = (await handler.next()).result;
  assert.equal(most, 2);
  handler.send(call(1, 'hold', ['a']), call(2, 'hold', ['b']), call(3, 'hold', ['c']), CANCEL(3));
  const { id, error } = await handler.next();
  assert.deepEqual([id, error], [3, { code: -32800, message: 'Request cancelled', data: { reason: 'cancelled' } }]);
});

test('a cancel aborts the signal of its call alone', async (t) => {
  const handler = await start(t, `${HOLD}serve();`);
  handler.send(call(1, 'wait'), call(2, 'wait'), call('3', 'wait'), CANCEL(2));
  assert.deepEqual(await handler.next(), {
    jsonrpc: '2.0', id: 2, error: { code: -32800, message: 'Request cancelled', data: { reason: 'cancelled' } },
  });
  handler.send({ ...CANCEL('3'), id: 'c' }, { ...CANCEL(9), id: 'd' });
  const replies = [await handler.next(), await handler.next(), await handler.next()];
  assert.deepEqual(replies.map(({ id, result, error }) => [id, result ?? error.code]).sort(), [['3', -32800], ['c', true], ['d', false]]);
});

test('a call with a long id can be cancelled', async (t) => {
  const handler = await start(t, `${HOLD}serve();`);
  const line = (id, method, more) => `{"jsonrpc":"2.0",${id}"method":"${method}"${more}}\n`;
  handler.write(line('"id":9007199254740993,', 'wait', '') + line('"id":9007199254740992,', 'wait', ''));
  handler.write(line('', 'rpc.cancel', ',"params":{"id":9007199254740993}'));
  assert.match(await handler.nextLine(), /^\{"jsonrpc":"2.0","id":9007199254740993,"error":\{"code":-32800/);
});

test('a function that does not look at its signal is answered when it ends', async (t) => {
  const handler = await start(t, `
    method('ignore', async (params, call) => { while (!call.cancelled) await sleep(1); return [call.cancelled, call.signal.aborted]; });
    method('rethrow', async (params, { signal }) => { await sleep(600_000, null, { signal }).catch(() => signal.throwIfAborted()); });
    method('break', async (params, { signal }) => { await sleep(600_000, null, { signal }).catch(() => null.x); });
    serve();`);
  handler.send(call(1, 'ignore'), CANCEL(1));
  assert.deepEqual((await handler.next()).result, [true, true]);
  handler.send(call(2, 'rethrow'), CANCEL(2));
  assert.equal((await handler.next()).error.code, -32800);
  handler.send(call(3, 'break'), CANCEL(3));
  assert.equal((await handler.next()).error.code, -32603);
  await handler.logged(/break: TypeError/);
});

test('the time limit is known, and aborts the signal', async (t) => {
  const handler = await start(t, `${HOLD}
    method('left', (params, call) => String(call.remaining));
    method('late', async (params, call) => { while (call.remaining > 0) await sleep(1); return [call.cancelled, call.signal.aborted, call.signal.reason.code]; });
    serve();`);
  assert.equal((await handler.request('left')).result, 'Infinity');
  const left = Number((await handler.request('left', [], { timeout_ms: 20_000 })).result);
  assert.ok(left > 0 && left <= 20_000, String(left));
  assert.equal((await handler.request('left', [], { timeout_ms: -1 })).result, 'Infinity');
  const { error } = await handler.request('wait', [], { timeout_ms: 20 });
  assert.deepEqual(error, { code: -32002, message: 'Request timed out', data: { reason: 'timeout', timeout_ms: 20 } });
  assert.deepEqual((await handler.request('late', [], { timeout_ms: 20 })).result, [true, true, -32002]);
  assert.equal((await handler.request('left', [], { timeout_ms: 2 ** 40 })).id, 1);
});

test('a call that waited past its time limit does not run', async (t) => {
  const handler = await start(t, `${HOLD}
    let runs = 0;
    method('run', () => ++runs);
    serve({ concurrency: 1 });`);
  handler.send(call(1, 'wait', [], { timeout_ms: 50 }), call(2, 'run', [], { timeout_ms: 1 }), call(3, 'run'));
  assert.equal((await handler.next()).error.code, -32002);
  assert.equal((await handler.next()).error.code, -32002);
  assert.equal((await handler.next()).result, 1);
});

test('the trace context reaches the function', async (t) => {
  const handler = await start(t, "method('trace', (params, call) => call.traceparent ?? null);\nserve();");
  assert.equal((await handler.request('trace', [], { traceparent: '00-a-b-01' })).result, '00-a-b-01');
});

test('an RpcError is answered as it is; any other exception is logged and hides what is inside', async (t) => {
  const handler = await start(t, `
    method('error', () => { throw new RpcError(17, 'no', { why: [1] }); });
    method('plain', async () => { throw new RpcError(-5, 'no'); });
    method('throw', () => { throw new TypeError('the secret'); });
    method('reject', async () => { throw new TypeError('the secret'); });
    method('text', () => { throw 'the secret'; });
    method('undefined', () => { throw undefined; });
    serve();`);
  assert.deepEqual((await handler.request('error')).error, { code: 17, message: 'no', data: { why: [1] } });
  assert.deepEqual((await handler.request('plain')).error, { code: -5, message: 'no' });
  for (const name of ['throw', 'reject', 'text', 'undefined']) {
    assert.deepEqual((await handler.request(name)).error, { code: -32603, message: 'Internal error', data: { reason: 'internal' } });
  }
  await handler.logged(/throw: TypeError: the secret[^]*reject: TypeError: the secret\n {4}at [^]*text: the secret/);
});

test('a rejection that no code handles is logged, and the process lives on', async (t) => {
  const handler = await start(t, "method('drop', () => { Promise.reject(new Error('dropped')); return 'ok'; });\nserve();");
  assert.equal((await handler.request('drop')).result, 'ok');
  await handler.logged(/unhandled rejection: Error: dropped/);
  assert.equal((await handler.request('drop')).result, 'ok');
});

test('what a program prints goes to stderr', async (t) => {
  const handler = await start(t, `
    console.log('at the start');
    method('print', () => {
      console.log('a log');
      console.info('%s', 'an info');
      process.stdout.write('a write\\n');
      process.stdout.write(Buffer.from('some bytes\\n'), () => console.log('written'));
      process.stdout.end('an end\\n');
      return 'ok';
    });
    serve();`);
  assert.equal(handler.hello.method, 'rpc.hello');
  for (let at = 0; at < 2; ++at) assert.equal((await handler.request('print')).result, 'ok');
  await handler.logged(/at the start\na log\nan info\na write\nsome bytes\nan end\nwritten\n/);
});

test('at the end of input calls that run are finished, and the process exits with 0', async (t) => {
  const handler = await start(t, `${HOLD}
    method('slow', async () => { await sleep(100); return 'done'; });
    setInterval(() => {}, 1000);
    serve({ concurrency: 1 });`);
  handler.send(call(1, 'slow'), call(2, 'slow'));
  const { code, lines } = await handler.end();
  assert.equal(code, 0);
  assert.deepEqual(lines.map((line) => JSON.parse(line).result), ['done', 'done']);
});

test('SIGTERM finishes calls that run and exits with 0; a second one ends at once', async (t) => {
  const source = `${HOLD}
    method('stop', () => { process.kill(process.pid, 'SIGTERM'); return sleep(50, 'done'); });
    serve();`;
  const handler = await start(t, source);
  handler.send(call(1, 'stop'));
  assert.equal((await handler.next()).result, 'done');
  assert.deepEqual(await within(handler.ended, 'exit'), { code: 0, signal: null });

  const hung = await start(t, source);
  hung.send(call(1, 'wait'), call(2, 'stop'));
  assert.equal((await hung.next()).result, 'done');
  hung.process.kill('SIGTERM');
  assert.deepEqual(await within(hung.ended, 'exit'), { code: 143, signal: null });
});

test('SIGTERM while nothing reads the replies loses no call that was read', async (t) => {
  const handler = await start(t, `
    method('big', () => 'x'.repeat(1 << 12));
    const timer = setInterval(() => { if (process.stdout.writableLength > 0) { console.error('full'); clearInterval(timer); } }, 1);
    process.on('exit', () => console.error('read', process.stdin.bytesRead));
    serve();`, { isRead: false });
  const lines = Array.from({ length: 20_000 }, (_, at) => `${JSON.stringify(call(at, 'big'))}\n`);
  handler.write(lines.join(''));
  await handler.logged(/full/);
  handler.process.kill('SIGTERM');
  handler.read();
  await handler.next();
  assert.deepEqual(await within(handler.ended, 'exit'), { code: 0, signal: null });
  const [, read] = /read (\d+)/.exec(await handler.logged(/read \d+/));
  let replies = 0;
  for (let bytes = Number(read); replies < lines.length && lines[replies].length <= bytes; ++replies) bytes -= lines[replies].length;
  assert.ok(replies > 0 && replies < lines.length, `${replies} calls were read`);
  for (let at = 0; at < replies; ++at) assert.equal((await handler.next()).id, at);
});

test('a parent that is gone ends the process', async (t) => {
  const handler = await start(t, `${HOLD}serve();`);
  handler.process.stdout.destroy();
  handler.send(call(1, 'echo', ['x'.repeat(1 << 20)]), call(2, 'wait'));
  assert.deepEqual(await within(handler.ended, 'exit'), { code: 1, signal: null });
});

test('each call gets one reply and no note after it, whatever happens to it', async (t) => {
  const handler = await start(t, `
    method('work', async ({ steps, fail }, call) => {
      for (let at = 0; at < steps; ++at) {
        call.progress(at);
        await (at % 2 ? sleep(1, undefined, { signal: call.signal }) : undefined);
      }
      setTimeout(() => call.progress('late'), 1);
      if (fail) throw new RpcError(fail, 'asked for');
      return steps;
    });
    serve({ concurrency: 8 });`);
  const COUNT = 2000;
  for (let id = 0; id < COUNT; ++id) {
    const params = { steps: id % 5, fail: id % 7 === 0 ? 7 : 0 };
    handler.send(call(id, 'work', params, id % 11 === 0 ? { timeout_ms: 1 } : {}));
    if (id % 3 === 0) handler.send(CANCEL(id - (id % 9)));
  }
  const answered = new Map();
  while (answered.size < COUNT) {
    const line = await handler.next();
    const id = line.id ?? line.call;
    assert.ok(!answered.has(id), `after the reply: ${JSON.stringify(line)}`);
    if (line.method === undefined) answered.set(id, line.error?.code ?? 'ok');
    else assert.notEqual(line.params.value, 'late');
  }
  assert.deepEqual([...new Set(answered.values())].map(String).sort(), ['-32002', '-32800', '7', 'ok']);
  assert.equal((await handler.end()).lines.length, 0);
});

test('what a program does after serve() is done before it exits', async (t) => {
  const handler = await start(t, "await serve();\nawait sleep(20);\nconsole.log('closed');\n");
  const { code, errors } = await handler.end();
  assert.deepEqual([code, errors], [0, 'closed\n']);
});
