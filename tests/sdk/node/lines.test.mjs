// Lines between a parent and a handler: what is announced, what is read, and what is written.
import assert from 'node:assert/strict';
import test from 'node:test';
import { call, start } from './handler.mjs';

const ECHO = "method('echo', (params) => params);\nserve();\n";
const OK = { jsonrpc: '2.0', id: 1, result: ['ok'] };

// What a line is answered with, by id and error code; `null` for no answer.
async function answerTo(handler, line) {
  handler.write(line);
  handler.send(call('end', 'echo', ['end']));
  const reply = await handler.next();
  if (reply.id === 'end') return null;
  assert.deepEqual((await handler.next()).result, ['end']);
  return reply;
}

test('the first line announces the dialect and the methods', async (t) => {
  const handler = await start(t, `
    method('calc.add', { params: { a: 'number', 'b?': 'integer' }, result: 'number', summary: 'Adds', deprecated: true }, (a, b) => a + b);
    method('calc.any', () => null);
    serve();`);
  assert.deepEqual(handler.hello, {
    jsonrpc: '2.0',
    method: 'rpc.hello',
    params: {
      dialect: 'sluice',
      methods: [{
        name: 'calc.add', summary: 'Adds', deprecated: true, paramStructure: 'either',
        params: [
          { name: 'a', required: true, schema: { type: 'number' } },
          { name: 'b', required: false, schema: { anyOf: [{ type: 'integer' }, { type: 'null' }] } },
        ],
        result: { name: 'result', schema: { type: 'number' } },
      }, { name: 'calc.any', paramStructure: 'either', params: [], result: { name: 'result', schema: {} } }],
    },
  });
  const { result } = await handler.request('rpc.discover');
  assert.deepEqual(result.methods, handler.hello.params.methods);
  assert.equal(result.openrpc, '1.3.2');
});

test('a line may begin with a byte order mark, end with CRLF, and be empty', async (t) => {
  const handler = await start(t, ECHO);
  const line = JSON.stringify(call(1, 'echo', ['ok']));
  for (const text of [`\ufeff${line}\n`, `${line}\r\n`, `  ${line} \n`]) assert.deepEqual(await answerTo(handler, text), OK);
  for (const text of ['\n', '\r\n', ' \t\n']) assert.equal(await answerTo(handler, text), null);
});

test('a line may come in pieces, within a character too', async (t) => {
  const handler = await start(t, ECHO);
  const bytes = Buffer.from(`${JSON.stringify(call(1, 'echo', ['añ€😀b']))}\n`);
  for (const byte of bytes) {
    handler.process.stdin.write(Buffer.from([byte]));
    await new Promise(setImmediate);
  }
  assert.deepEqual((await handler.next()).result, ['añ€😀b']);
});

test('a last line without a newline is served', async (t) => {
  const handler = await start(t, ECHO);
  handler.write(JSON.stringify(call(1, 'echo', ['ok'])));
  const { lines, code } = await handler.end();
  assert.deepEqual([lines.map((line) => JSON.parse(line)), code], [[OK], 0]);
});

test('ids come back as they were sent', async (t) => {
  const handler = await start(t, ECHO);
  const ids = ['1', '0', '-7', '2147483647', '9007199254740991', '9007199254740993', '123456789012345678901234567890', '1.5', '"a\\"b"',
    '""', 'null', '"\\u2028"'];
  for (const id of ids) {
    handler.write(`{"params":{"id":[{"id":2}]},"id":${id},"method":"echo","jsonrpc":"2.0"}\n`);
    assert.equal(await handler.nextLine(), `{"jsonrpc":"2.0","id":${id},"result":{"id":[{"id":2}]}}`);
  }
});

test('invalid lines are answered as JSON-RPC has it', async (t) => {
  const handler = await start(t, ECHO);
  const expected = [
    ['nonsense\n', null, -32700, 'parse'],
    ['{"jsonrpc":"2.0","id":1,"method":"echo"\n', null, -32700, 'parse'],
    [Buffer.from([0x22, 0xff, 0x22, 0x0a]), null, -32700, 'parse'],
    ['1\n', null, -32600, 'invalid_request'],
    ['[{"jsonrpc":"2.0","id":1,"method":"echo"}]\n', null, -32600, 'invalid_request'],
    ['{"id":1,"method":"echo"}\n', 1, -32600, 'invalid_request'],
    ['{"jsonrpc":"2.0","id":1,"method":5}\n', 1, -32600, 'invalid_request'],
    ['{"jsonrpc":"2.0","id":1}\n', 1, -32600, 'invalid_request'],
    ['{"jsonrpc":"2.0","id":1,"method":"echo","params":5}\n', 1, -32600, 'invalid_request'],
    ['{"jsonrpc":"2.0","id":1,"method":"echo","params":null}\n', 1, -32600, 'invalid_request'],
    ['{"jsonrpc":"2.0","id":[1],"method":"echo"}\n', null, -32600, 'invalid_request'],
    ['{"jsonrpc":"2.0","id":true,"method":"echo"}\n', null, -32600, 'invalid_request'],
    ['{"jsonrpc":"2.0","id":1,"method":"none"}\n', 1, -32601, 'unknown_method'],
    ['{"jsonrpc":"2.0","id":1,"method":"rpc.none"}\n', 1, -32601, 'unknown_method'],
    ['{"jsonrpc":"2.0","id":1,"method":"toString"}\n', 1, -32601, 'unknown_method'],
  ];
  for (const [line, id, code, reason] of expected) {
    const reply = await answerTo(handler, line);
    assert.deepEqual([reply.id, reply.error.code, reply.error.data.reason], [id, code, reason], String(line));
  }
});

test('a line beyond the limit is answered and skipped', async (t) => {
  const handler = await start(t, ECHO);
  const piece = 'x'.repeat(1 << 24);
  for (let at = 0; at <= 16; ++at) await new Promise((resolve) => handler.process.stdin.write(piece, resolve));
  handler.send('', call(1, 'echo', ['ok']));
  const { error } = await handler.next();
  assert.deepEqual([error.code, error.data], [-32007, { reason: 'request_too_big', limit: 1 << 28 }]);
  assert.deepEqual(await handler.next(), OK);
});

test('a replacement character is not invalid', async (t) => {
  const handler = await start(t, ECHO);
  assert.deepEqual((await handler.request('echo', ['\ufffd'])).result, ['\ufffd']);
});

test('notifications and replies are not answered', async (t) => {
  const handler = await start(t, `method('fail', () => { throw new Error('boom'); });\nmethod('echo', (params) => params);\nserve();`);
  for (const message of [{ method: 'echo' }, { method: 'fail' }, { method: 'none' }, { method: 'rpc.none' }, { method: 'rpc.cancel' },
    { id: 5, result: 1 }, { id: null, error: { code: 1, message: 'x' } }]) {
    assert.equal(await answerTo(handler, `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`), null);
  }
  await handler.logged(/fail: Error: boom/);
});

test('what is written is one line for every reader', async (t) => {
  const handler = await start(t, ECHO);
  handler.send(call(1, 'echo', ['a\u2028b\u2029c\nd\re\ud800']));
  const line = await handler.nextLine();
  assert.match(line, /\["a\\u2028b\\u2029c\\nd\\re\\ud800"\]/);
});

test('what JSON does not have is answered as an internal error, and logged', async (t) => {
  const handler = await start(t, `
    const circle = {};
    circle.circle = circle;
    const values = { nan: NaN, deep: { list: [1, -Infinity] }, big: 1n, circle, nothing: undefined, none: null, code() {}, date: new Date(NaN) };
    method('give', ([name]) => values[name]);
    method('fail', () => { throw new RpcError(1, 'no', { value: NaN }); });
    serve();`);
  for (const name of ['nan', 'deep', 'big', 'circle', 'code']) {
    const { error } = await handler.request('give', [name]);
    assert.deepEqual(error, { code: -32603, message: 'Internal error', data: { reason: 'internal' } }, name);
  }
  for (const name of ['nothing', 'none', 'date']) assert.equal((await handler.request('give', [name])).result, null);
  assert.equal((await handler.request('fail')).error.code, -32603);
  await handler.logged(/give: RangeError: JSON has no -Infinity/);
});
