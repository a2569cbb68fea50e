// What a handler sends of its own: notes of calls, publications; and the events that it gets.
import assert from 'node:assert/strict';
import test from 'node:test';
import { call, start } from './handler.mjs';

const event = (n, topic, result, more) => ({
  jsonrpc: '2.0', method: 'rpc.subscription', params: { subscription: '0x1', n, topic, pos: `p${n}`, result, ...more },
});

test('notes name their call and come before its reply', async (t) => {
  const handler = await start(t, `
    method('work', async (params, call) => {
      call.progress(0.5);
      await sleep(1);
      call.progress(1, { key: 'bar' });
      call.notify('work.part', ['a\\u2028']);
      call.notify('work.empty');
      return 'done';
    });
    serve();`);
  handler.send(call('x', 'work'));
  assert.deepEqual(await handler.next(), { jsonrpc: '2.0', method: 'rpc.progress', params: { value: 0.5 }, call: 'x' });
  assert.deepEqual(await handler.next(), { jsonrpc: '2.0', method: 'rpc.progress', params: { value: 1 }, key: 'bar', call: 'x' });
  assert.match(await handler.nextLine(), /"params":\["a\\u2028"\],"call":"x"\}$/);
  assert.deepEqual(await handler.next(), { jsonrpc: '2.0', method: 'work.empty', call: 'x' });
  assert.equal((await handler.next()).result, 'done');
});

test('no note comes after the reply, after a cancel, or of a notification', async (t) => {
  const handler = await start(t, `
    let kept;
    method('keep', (params, call) => { kept = call; call.progress('kept'); return 'ok'; });
    method('late', () => { kept.progress('late'); return 'ok'; });
    method('wait', async (params, call) => {
      await sleep(600_000, null, { signal: call.signal }).catch(() => call.progress('cancelled'));
      return 'ended';
    });
    serve();`);
  handler.send({ jsonrpc: '2.0', method: 'keep' }, call(1, 'keep'), call(2, 'late'));
  assert.deepEqual((await handler.next()).params, { value: 'kept' });
  assert.deepEqual([(await handler.next()).id, (await handler.next()).id], [1, 2]);
  handler.send(call(3, 'wait'), { jsonrpc: '2.0', method: 'rpc.cancel', params: { id: 3 } });
  assert.equal((await handler.next()).result, 'ended');
});

test('a note that JSON does not have fails its call', async (t) => {
  const handler = await start(t, `
    const notes = [(call) => call.progress(NaN), (call) => call.notify('x', 'text'), (call) => call.notify(5), (call) => call.progress(1, { key: 5 })];
    method('note', ([at], call) => notes[at](call));
    serve();`);
  for (let at = 0; at < 4; ++at) assert.equal((await handler.request('note', [at])).error.code, -32603);
  await handler.logged(/RangeError: JSON has no NaN/);
});

test('while stdout is full notes wait within bounds, and the newest of a key stays', async (t) => {
  const handler = await start(t, `
    method('flood', async (params, call) => {
      for (let at = 0; at < 100_000; ++at) call.progress(at, { key: 'bar' });
      for (let at = 0; at < 100_000; ++at) call.notify('part', { at });
      call.progress('last', { key: 'bar' });
    });
    serve();`);
  handler.send(call(1, 'flood'));
  const notes = [];
  for (let line; (line = await handler.next()).id !== 1;) notes.push(line);
  assert.ok(notes.length < 20_000, `${notes.length} notes`);
  assert.deepEqual(notes.at(-1).params, { value: 'last' });
  assert.deepEqual(notes.at(-2).params, { at: 99_999 });
  assert.equal(notes.filter(({ params }) => params.at > 90_000).length, 63);
});

test('replies to a parent that does not read stop the reading of calls', async (t) => {
  const handler = await start(t, `
    let most = 0;
    const look = () => { most = Math.max(most, process.stdout.writableLength); };
    const timer = setInterval(() => { look(); if (most > 0) { console.error('full'); clearInterval(timer); } }, 1);
    method('big', () => { look(); return 'x'.repeat(1 << 12); });
    method('most', () => most);
    serve();`, { isRead: false });
  handler.send(...Array.from({ length: 20_000 }, (_, at) => call(at, 'big')));
  await handler.logged(/full/);
  handler.read();
  await handler.next();
  for (let at = 0; at < 20_000; ++at) assert.equal((await handler.next()).id, at);
  const { result } = await handler.request('most');
  assert.ok(result < 1 << 20, `${result} bytes waited`);
});

test('publications are lines, and wait for those that came before', async (t) => {
  const handler = await start(t, `
    publish('early', 0);
    method('publish', async () => { await publish('orders.new', { id: 1, text: '\\u2028' }); return 'published'; });
    method('refuse', async () => { await publish('x', NaN); });
    method('unnamed', async () => { await publish(5, 1); });
    serve();`);
  assert.deepEqual(await handler.next(), { jsonrpc: '2.0', method: 'rpc.publish', params: { topic: 'early', data: 0 } });
  handler.send(call(1, 'publish'));
  const line = await handler.nextLine();
  assert.equal(line, '{"jsonrpc":"2.0","method":"rpc.publish","params":{"topic":"orders.new","data":{"id":1,"text":"\\u2028"}}}');
  assert.equal((await handler.next()).result, 'published');
  for (const name of ['refuse', 'unnamed']) assert.equal((await handler.request(name)).error.code, -32603);
});

test('while stdout is full a bounded number of publications waits, in order', async (t) => {
  const handler = await start(t, `
    method('flood', async () => {
      let published = 0;
      await Promise.all(Array.from({ length: 50_000 }, (_, at) => publish('t', at).then(() => ++published, () => {})));
      return published;
    });
    serve();`);
  handler.send(call(1, 'flood'));
  const published = [];
  let line;
  while ((line = await handler.next()).id !== 1) published.push(line.params.data);
  assert.equal(published.length, line.result);
  assert.ok(published.length < 50_000, `${published.length} published`);
  assert.deepEqual(published, [...published].sort((a, b) => a - b));
});

test('events reach the subscriptions that match, one after another', async (t) => {
  const handler = await start(t, `
    const seen = [];
    subscribe('orders.*', async (topic, data, event) => { await sleep(1); seen.push([topic, data, event.n, event.pos, event.gap, event.dropped]); });
    subscribe('orders.new', (topic, data) => { if (data === 1) throw new Error('event 1'); seen.push(data); });
    method('seen', async () => { while (seen.length < 6) await sleep(1); return seen; });
    serve();`);
  handler.send(event(1, 'orders.new', 1), event(2, 'other', 2), event(3, 'orders.old', { a: 3 }), event(4, 'orders.new', 4, { gap: true }),
    event(5, 'orders.new', 5, { dropped: 7 }));
  assert.deepEqual((await handler.request('seen')).result, [4, 5, ['orders.new', 1, 1, 'p1', false, 0], ['orders.old', { a: 3 }, 3, 'p3', false, 0],
    ['orders.new', 4, 4, 'p4', true, 0], ['orders.new', 5, 5, 'p5', false, 7]]);
  await handler.logged(/subscribe\("orders.new"\): Error: event 1/);
});

test('a subscription that falls behind learns how many events it missed', async (t) => {
  const handler = await start(t, `
    let open;
    const gate = new Promise((resolve) => { open = resolve; });
    const seen = [];
    subscribe('t', async (topic, data, { dropped }) => { await gate; seen.push([data, dropped]); });
    method('open', async () => { open(); while (seen.at(-1)?.[0] !== 2000) await sleep(1); return [seen.length, seen[0], seen[1], seen[2]]; });
    serve();`);
  handler.send(...Array.from({ length: 2001 }, (_, at) => event(at, 't', at)));
  assert.deepEqual((await handler.request('open')).result, [1025, [0, 0], [977, 976], [978, 0]]);
});

test('the end of a subscription is logged', async (t) => {
  const handler = await start(t, 'serve();');
  handler.send({ jsonrpc: '2.0', method: 'rpc.subscription', params: { subscription: '0x1', topic: 't', error: { code: -32000, message: 'too slow' } } });
  await handler.logged(/the subscription of t has ended: too slow/);
});

test('an event that is being handled at the end of input is finished', async (t) => {
  const handler = await start(t, "subscribe('t', async () => { await sleep(50); console.log('handled'); });\nserve();");
  handler.send(event(1, 't', 1));
  const { code, errors } = await handler.end();
  assert.deepEqual([code, errors], [0, 'handled\n']);
});
