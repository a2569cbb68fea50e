// A handler's own command line: --call and --describe; its types for TypeScript.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { SDK, environment, program } from './handler.mjs';

const TYPESCRIPT = fileURLToPath(new URL('../../clients/node_modules/typescript/bin/tsc', import.meta.url));

const SOURCE = `
  console.log('stray');
  method('add', { params: { a: 'number', 'b?': 'number' }, result: 'number', summary: 'Adds' }, (a, b = 1) => a + b);
  method('echo', async (params, call) => { call.progress(1); return params; });
  method('nothing', () => {});
  method('refuse', () => { throw new RpcError(7, 'no'); });
  method('throw', () => { throw new Error('inside'); });
  serve();`;

function run(t, ...words) {
  const { path, remove } = program(SOURCE);
  t.after(remove);
  const { status, stdout, stderr } = spawnSync(process.execPath, [path, ...words], { env: environment(), encoding: 'utf8', timeout: 20_000 });
  return { status, stdout, stderr };
}

test('--call prints the result alone on stdout', (t) => {
  for (const [words, result] of [[['add', 'a=1', 'b=2'], 3], [['add', '1', '2'], 3], [['add', '[1,2]'], 3], [['add', '{"a":1}'], 2],
    [['echo', 'a=x=y', 'b={"c":[1]}', 'd='], { a: 'x=y', b: { c: [1] }, d: '' }], [['echo', 'word', '5'], ['word', 5]], [['echo'], {}],
    [['nothing'], null]]) {
    const { status, stdout, stderr } = run(t, '--call', ...words);
    assert.deepEqual([status, stdout], [0, `${JSON.stringify(result)}\n`], stderr);
    assert.match(stderr, /^stray\n/);
  }
});

test('--call shows notes on stderr', (t) => {
  assert.match(run(t, '--call', 'echo').stderr, /\{"jsonrpc":"2.0","method":"rpc.progress","params":\{"value":1\},"call":1\}/);
});

test('--call prints errors on stderr and exits with 1, or 2 where it can call nothing', (t) => {
  const expected = [
    [['add', 'a=x'], 'error -32602: Invalid params {"reason":"invalid_params","path":"/a","expected":"a number in the range of a 64-bit float"}'],
    [['none'], 'error -32601: Method not found {"reason":"unknown_method"}'],
    [['refuse'], 'error 7: no'],
    [['throw'], 'error -32603: Internal error {"reason":"internal"}'],
  ];
  for (const [words, text] of expected) {
    const { status, stdout, stderr } = run(t, '--call', ...words);
    assert.deepEqual([status, stdout, stderr.trimEnd().split('\n').at(-1)], [1, '', text]);
  }
  assert.match(run(t, '--call', 'throw').stderr, /throw: Error: inside/);
  for (const words of [[], ['add', 'a=1', '2']]) assert.equal(run(t, '--call', ...words).status, 2);
});

test('--describe prints the methods', (t) => {
  const { status, stdout } = run(t, '--describe');
  const { openrpc, info, methods } = JSON.parse(stdout);
  assert.deepEqual([status, openrpc, info.title], [0, '1.3.2', 'handler.mjs']);
  assert.deepEqual(methods.map(({ name }) => name), ['add', 'echo', 'nothing', 'refuse', 'throw']);
  assert.equal(methods[0].summary, 'Adds');
});

test('strict TypeScript takes the types and finds mistakes', { skip: existsSync(TYPESCRIPT) ? false : 'no typescript in tests/clients' }, (t) => {
  const { path, remove } = program('');
  t.after(remove);
  const folder = dirname(path);
  for (const name of ['sluice.mjs', 'sluice.d.ts', 'sluice.d.mts']) copyFileSync(new URL(name, SDK), join(folder, name));
  const imports = 'import { method, publish, serve, subscribe, RpcError, type Call } from "./sluice.mjs";\n';
  writeFileSync(join(folder, 'good.mts'), `${imports}
    method("add", { params: { a: "number", "b?": "integer", c: "string[]?", d: { type: "array", items: { type: "string" } } } },
      (a: number, b: number | undefined, c: string[] | undefined, d: string[], call: Call) => a + (b ?? 0) + call.remaining);
    method("wait", async ({ ms }: { ms: number }, call) => {
      call.progress(ms, { key: "bar" });
      if (call.signal.aborted) throw new RpcError(1, "no", { ms });
    });
    subscribe("orders.*", async (topic, data, { dropped }) => { await publish(topic, [data, dropped]); });
    await serve({ concurrency: 3 });`);
  const mistakes = ['method("x", { params: { a: "nmber" } }, () => 1);', 'method("x", { parms: {} }, () => 1);',
    'method("x", (p, call) => call.remainder);', 'publish(5, 1);'];
  writeFileSync(join(folder, 'bad.mts'), imports + mistakes.join('\n'));
  const options = ['--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2022', '--lib', 'es2022,dom'];
  const { stdout } = spawnSync(process.execPath, [TYPESCRIPT, ...options, 'good.mts', 'bad.mts'], { cwd: folder, encoding: 'utf8', timeout: 60_000 });
  assert.deepEqual(stdout.match(/^\S+\(\d+(?=,)/gm), mistakes.map((_, at) => `bad.mts(${at + 2}`), stdout);
});
