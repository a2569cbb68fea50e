// Runs a handler as the server does, with this process as its parent. Each wait is bounded.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export const SDK = new URL('../../../sdk/node/sluice.mjs', import.meta.url).href;
const PRELUDE = `import { method, publish, subscribe, serve, RpcError } from ${JSON.stringify(SDK)};\n`
  + "import { setTimeout as sleep } from 'node:timers/promises';\n";
const WAIT_MS = 20_000;

export function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`no ${what} in ${WAIT_MS} ms`)), WAIT_MS); });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export const call = (id, method, params, more) => ({ jsonrpc: '2.0', id, method, params, ...more });

/** The command line of a program with that source behind the imports, and what deletes it. */
export function program(source) {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-sdk-'));
  const path = join(folder, 'handler.mjs');
  writeFileSync(path, PRELUDE + source);
  return { path, remove: () => rmSync(folder, { recursive: true }) };
}

export function environment() {
  const { NODE_TEST_CONTEXT, ...others } = process.env; // the handler is not a test
  return others;
}

class Handler {
  #lines = [];
  #waiting = [];
  #errors = '';
  #watchers = [];

  constructor(process, isRead) {
    this.process = process;
    this.ended = new Promise((resolve) => process.on('close', (code, signal) => resolve({ code, signal })));
    process.stdin.on('error', () => {});
    process.stderr.setEncoding('utf8').on('data', (text) => {
      this.#errors += text;
      for (const watcher of this.#watchers) watcher();
    });
    if (isRead) this.read();
  }

  /** Reads stdout from now on. */
  read() {
    createInterface({ input: this.process.stdout }).on('line', (line) => {
      const waiting = this.#waiting.shift();
      if (waiting) waiting(line);
      else this.#lines.push(line);
    });
  }

  send(...messages) {
    this.write(messages.map((message) => `${JSON.stringify(message)}\n`).join(''));
  }

  write(text) {
    this.process.stdin.write(text);
  }

  nextLine() {
    if (this.#lines.length > 0) return Promise.resolve(this.#lines.shift());
    return within(new Promise((resolve) => this.#waiting.push(resolve)), 'line');
  }

  async next() {
    return JSON.parse(await this.nextLine());
  }

  async request(method, params, more) {
    this.send(call(1, method, params, more));
    return this.next();
  }

  /** The code, path and expectation of an error. */
  async mismatch(method, params) {
    const { error } = await this.request(method, params);
    return error && [error.code, error.data.path, error.data.expected];
  }

  logged(pattern) {
    return within(new Promise((resolve) => {
      const look = () => pattern.test(this.#errors) && resolve(this.#errors);
      this.#watchers.push(look);
      look();
    }), `${pattern} on stderr`);
  }

  /** Ends its input: its exit, and all lines that nothing has read. */
  async end() {
    this.process.stdin.end();
    const { code, signal } = await within(this.ended, 'exit');
    return { code, signal, lines: this.#lines, errors: this.#errors };
  }
}

/** The handler of that file, once it has announced itself. */
export async function startFile(test, path, { isRead = true } = {}) {
  const handler = new Handler(spawn(process.execPath, [path], { env: environment(), stdio: 'pipe' }), isRead);
  test.after(async () => {
    handler.process.kill('SIGKILL');
    await handler.ended;
  });
  if (isRead) handler.hello = await handler.next();
  return handler;
}

/** A handler with that source. */
export function start(test, source, options) {
  const { path, remove } = program(source);
  test.after(remove);
  return startFile(test, path, options);
}
