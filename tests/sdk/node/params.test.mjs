// Params: how they reach a function, and what is said about those that do not fit.
import assert from 'node:assert/strict';
import test from 'node:test';
import { SDK, start } from './handler.mjs';

const NUMBER = 'a number in the range of a 64-bit float';
const INTEGER = 'an integer from -9007199254740991 to 9007199254740991';

test('params come by position or by name, in the declared order, and the call last', async (t) => {
  const handler = await start(t, `
    method('sub', { params: { a: 'number', b: 'number', 'c?': 'number' } }, (a, b, c = 10, call) => [a, b, c, call.method]);
    method('whole', (params, call) => [params, call.id]);
    serve();`);
  for (const params of [[1, 2], { b: 2, a: 1 }, [1, 2, null], { b: 2, c: null, a: 1 }]) {
    assert.deepEqual((await handler.request('sub', params)).result, [1, 2, 10, 'sub']);
  }
  assert.deepEqual((await handler.request('sub', [1, 2, 3])).result, [1, 2, 3, 'sub']);
  for (const params of [[1, 2], { a: 1 }]) assert.deepEqual((await handler.request('whole', params)).result, [params, 1]);
  assert.deepEqual((await handler.request('whole')).result, [{}, 1]);
});

test('params of no declared name or position are refused', async (t) => {
  const handler = await start(t, `
    method('none', { params: {} }, () => 'ok');
    method('one', { params: { a: 'number' } }, () => 'ok');
    method('two', { params: { a: 'number', 'b?': 'any' } }, () => 'ok');
    serve();`);
  assert.equal((await handler.request('none')).result, 'ok');
  assert.deepEqual(await handler.mismatch('none', [1]), [-32602, '/0', 'no params']);
  assert.deepEqual(await handler.mismatch('none', { 'x/y~': 1 }), [-32602, '/x~1y~0', 'no params']);
  assert.deepEqual(await handler.mismatch('one', [1, 2]), [-32602, '/1', 'at most 1 param']);
  assert.deepEqual(await handler.mismatch('one', { a: 1, c: 1 }), [-32602, '/c', 'the name a']);
  assert.deepEqual(await handler.mismatch('two', [1, 2, 3]), [-32602, '/2', 'at most 2 params']);
  assert.deepEqual(await handler.mismatch('two', { a: 1, c: 1 }), [-32602, '/c', 'one of the names a, b']);
  const [, path] = await handler.mismatch('two', { ['x'.repeat(1000)]: 1 });
  assert.equal(path, `/${'x'.repeat(63)}...`);
  assert.deepEqual(await handler.mismatch('none', { ['x'.repeat(62) + '😀'.repeat(9)]: 1 }), [-32602, `/${'x'.repeat(62)}...`, 'no params']);
});

test('missing params are named as the client would have sent them', async (t) => {
  const handler = await start(t, "method('two', { params: { a: 'number', b: 'string' } }, () => 'ok');\nserve();");
  assert.deepEqual(await handler.mismatch('two'), [-32602, '/a', `${NUMBER} (it is missing)`]);
  assert.deepEqual(await handler.mismatch('two', { a: 1 }), [-32602, '/b', 'a string (it is missing)']);
  assert.deepEqual(await handler.mismatch('two', [1]), [-32602, '/1', 'a string (it is missing)']);
  assert.deepEqual(await handler.mismatch('two', { a: null, b: 'x' }), [-32602, '/a', NUMBER]);
});

// Type, values that fit, and [value, path, expected].
const TYPES = [
  ['number', [0, -1.5, 1e300], [['1', '', NUMBER], [null, '', NUMBER], [true, '', NUMBER]]],
  ['integer', [0, 1, -5], [[1.5, '', INTEGER], [2 ** 53, '', INTEGER], ['1', '', INTEGER]]],
  ['string', ['', 'x'], [[1, '', 'a string'], [{}, '', 'a string']]],
  ['boolean', [true, false], [[0, '', 'a boolean'], ['true', '', 'a boolean']]],
  ['object', [{}, { a: 1 }], [[[], '', 'an object'], [null, '', 'an object']]],
  ['array', [[], [1, 'a']], [[{}, '', 'an array'], ['', '', 'an array']]],
  ['any', [null, 0, '', {}, []], []],
  ['null', [null], [[0, '', 'null']]],
  ['number[]', [[], [1, 2]], [[1, '', 'an array'], [[1, 'a'], '/1', NUMBER]]],
  ['string[][]', [[], [['a'], []]], [[[['a'], ['b', 1]], '/1/1', 'a string']]],
  ['number?', [null, 1], [['a', '', `${NUMBER}, or null`]]],
  ['number[]?', [null, [1]], [[1, '', 'an array, or null'], [['a'], '/0', NUMBER]]],
  [{ type: ['string', 'null'] }, ['a', null], [[1, '', 'a string or null']]],
  [{ enum: ['red', 'blue', 3] }, ['red', 3], [['green', '', 'one of "red", "blue", 3']]],
  [{ const: 'red' }, ['red'], [['green', '', '"red"']]],
  [{ const: null }, [null], [[0, '', 'null']]],
  [{ type: 'integer', minimum: 0, maximum: 255 }, [0, 255], [[-1, '', 'an integer from 0 to 255'], [256, '', 'an integer from 0 to 255']]],
  [{ type: 'integer', minimum: 1 }, [1], [[0, '', 'an integer from 1 to 9007199254740991']]],
  [{ type: 'number', exclusiveMinimum: 0 }, [0.1], [[0, '', 'a number over 0']]],
  [{ type: 'number', minimum: 0, exclusiveMaximum: 1 }, [0, 0.5], [[1, '', 'a number of at least 0 and under 1']]],
  [{ type: 'number', multipleOf: 0.5 }, [1.5], [[0.3, '', 'a number that is a multiple of 0.5']]],
  [{ type: 'string', minLength: 2, maxLength: 3 }, ['ab', '😀😀😀'],
    [['a', '', 'a string of at least 2 characters and of at most 3 characters']]],
  [{ type: 'string', pattern: '^a+$', format: 'email' }, ['aa'], [['b', '', 'a string that matches ^a+$']]],
  [{ type: 'array', minItems: 2, maxItems: 2, items: { type: 'number' } }, [[1, 2]], [[[1], '', 'an array of 2 values']]],
  [{ type: 'array', minItems: 1 }, [[1]], [[[], '', 'an array of at least 1 value']]],
  [{ anyOf: [{ type: 'object', properties: { a: { type: 'string' } } }, { type: 'null' }] }, [null, { a: 'x' }],
    [[1, '', 'an object, or null'], [{ a: 1 }, '/a', 'a string']]],
  [{ anyOf: [{ type: 'string' }, { type: 'boolean' }] }, ['a', true], [[1, '', 'a string or a boolean']]],
  [{ oneOf: [{ type: 'integer' }, { type: 'number' }] }, [1.5], [[1, '', `${INTEGER} or ${NUMBER}`]]],
  [{ type: 'object', properties: { x: { type: 'number' }, '__proto__x': {} }, required: ['x'], additionalProperties: false }, [{ x: 1 }],
    [[{}, '/x', `${NUMBER} (it is missing)`], [{ x: 'a' }, '/x', NUMBER], [{ x: 1, y: 2 }, '/y', 'one of the names x, __proto__x']]],
  [{ type: 'object', additionalProperties: { type: 'number' } }, [{}, { a: 1 }], [[{ a: 1, b: [] }, '/b', NUMBER]]],
  [{}, [1, null], []],
];

test('each type takes its values and says what others should have been', async (t) => {
  const source = TYPES.map(([type], at) => `method('t${at}', { params: { value: ${JSON.stringify(type)} } }, (value) => value ?? null);`);
  const handler = await start(t, `${source.join('\n')}\nserve();`);
  for (const [at, [type, fitting, others]] of TYPES.entries()) {
    const what = JSON.stringify(type);
    for (const value of fitting) assert.deepEqual((await handler.request(`t${at}`, { value })).result, value, `${what} takes ${value}`);
    for (const [value, path, expected] of others) {
      assert.deepEqual(await handler.mismatch(`t${at}`, { value }), [-32602, `/value${path}`, expected], what);
      assert.deepEqual(await handler.mismatch(`t${at}`, [value]), [-32602, `/0${path}`, expected], what);
    }
  }
});

test('numbers beyond a double are refused', async (t) => {
  const handler = await start(t, "method('a', { params: { a: 'number' } }, (a) => a);\nserve();");
  handler.write('{"jsonrpc":"2.0","id":1,"method":"a","params":[1e400]}\n{"jsonrpc":"2.0","id":1,"method":"a","params":[1e2]}\n');
  assert.equal((await handler.next()).error.data.expected, NUMBER);
  assert.equal((await handler.next()).result, 100);
});

test('a function that refuses a param names it as the client sent it', async (t) => {
  const handler = await start(t, `
    method('f', { params: { low: 'any', high: 'any' } }, () => { throw RpcError.invalidParams('/high/0', 'more'); });
    method('g', () => { throw RpcError.invalidParams('/high', 'more'); });
    serve();`);
  assert.deepEqual(await handler.mismatch('f', { low: 1, high: [2] }), [-32602, '/high/0', 'more']);
  assert.deepEqual(await handler.mismatch('f', [1, [2]]), [-32602, '/1/0', 'more']);
  assert.deepEqual(await handler.mismatch('g', [1, 2]), [-32602, '/high', 'more']);
});

test('declarations that make no sense are refused where they are made', async () => {
  const { method, subscribe, RpcError, serve } = await import(SDK);
  const fn = () => {};
  const refused = [
    [() => method('', fn), /the name of a method is a string/],
    [() => method('rpc.x', fn), /method\("rpc\.x"\): names that begin with rpc\./],
    [() => method('x'), /it needs a function/],
    [() => method('x', { parms: {} }, fn), /there is no option parms/],
    [() => method('x', { params: { a: 'nmber' } }, fn), /there is no type "nmber"/],
    [() => method('x', { params: { a: 'toString' } }, fn), /there is no type "toString"/],
    [() => method('x', { params: { a: 5 } }, fn), /not a type: 5/],
    [() => method('x', { params: ['number'] }, fn), /there is no type|not a type|an object of types/],
    [() => method('x', { params: { 'a?': 'any', b: 'any' } }, fn), /optional params must come after the required ones/],
    [() => method('x', { params: { a: 'any', 'a?': 'any' } }, fn), /two params have one name/],
    [() => method('x', { params: { a: { $ref: '#/x' } } }, fn), /a schema with "\$ref" is not supported/],
    [() => method('x', { params: { a: { type: 'array', items: { not: {} } } } }, fn), /a schema with "not" is not supported/],
    [() => method('x', { params: { a: { type: 'float' } } }, fn), /there is no type "float"/],
    [() => method('x', { params: { a: { pattern: '(' } } }, fn), /Invalid regular expression/],
    [() => method('x', { result: 'nmber' }, fn), /there is no type "nmber"/],
    [() => subscribe('x'), /needs a function/],
    [() => subscribe(5, fn), /a topic is a string/],
    [() => new RpcError('1', 'x'), /the code of an RpcError is an integer/],
  ];
  for (const [declare, pattern] of refused) assert.throws(declare, pattern, String(declare));
  await assert.rejects(serve({ concurrency: 0 }), /concurrency is at least 1/);
  assert.equal(method('x', fn), fn);
  assert.throws(() => method('x', fn), /it is there already/);
});
