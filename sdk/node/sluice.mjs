// Methods of a sluice handler: functions with checked params, called over stdin and stdout, one JSON-RPC message a line.
// One file without dependencies, for Node.js 18 and later. Types are in sluice.d.ts.
import { fstatSync } from 'node:fs';
import { basename } from 'node:path';

// Bounds. Where more calls or lines wait than these allow, stdin is not read.
const LINE_BYTES_MAX = 256 * 1024 * 1024; // of one message; a server's max_message should be no more
const RUNNING_CALLS = 1024; // default of `concurrency`; the server sends no more than its own `concurrency`
const WAITING_CALLS_MAX = 1024;
const WAITING_NOTES_MAX = 64; // of one call while stdout is full; the oldest goes first
const WAITING_PUBLICATIONS_MAX = 1024; // while stdout is full
const WAITING_EVENTS_MAX = 1024; // of one subscription; the oldest goes first
const TIMER_MS_MAX = 2 ** 31 - 1; // what setTimeout() takes
const EXPECTED_CHARACTERS_MAX = 200; // of a list in an error
const STEP_CHARACTERS_MAX = 63; // of one name in a path
const WRITE_CHARACTERS = 64 * 1024; // lines wait for one another up to this
const EXIT_GRACE_MS = 1000; // for what the program does after serve()

// Errors

/** The error that a call is answered with. */
export class RpcError extends Error {
  constructor(code, message, data) {
    super(message);
    if (!Number.isSafeInteger(code)) throw new TypeError('the code of an RpcError is an integer');
    this.name = 'RpcError';
    this.code = code;
    this.data = data;
  }

  /** The value at `path`, a JSON pointer into the params, is not what was `expected`: "a number". */
  static invalidParams(path, expected) {
    return new RpcError(-32602, 'Invalid params', { reason: 'invalid_params', path, expected });
  }
}

const parseError = () => new RpcError(-32700, 'Parse error', { reason: 'parse' });
const invalidRequest = (detail) => new RpcError(-32600, 'Invalid Request', { reason: 'invalid_request', detail });
const unknownMethod = () => new RpcError(-32601, 'Method not found', { reason: 'unknown_method' });
const internalError = () => new RpcError(-32603, 'Internal error', { reason: 'internal' });
const tooBig = () => new RpcError(-32007, 'Request is too big', { reason: 'request_too_big', limit: LINE_BYTES_MAX });
const cancelled = () => new RpcError(-32800, 'Request cancelled', { reason: 'cancelled' });
const timedOut = (ms) => new RpcError(-32002, 'Request timed out', { reason: 'timeout', timeout_ms: ms });

function log(what, error) {
  process.stderr.write(`${what}: ${error instanceof Error ? error.stack : String(error)}\n`);
}

// JSON

const isStructured = (value) => typeof value === 'object' && value !== null;
const isObject = (value) => isStructured(value) && !Array.isArray(value);

function refuseNonFinite(key, value) {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new RangeError(`JSON has no ${value} (member "${key}")`);
  return value;
}

// JSON text on one line for every reader; throws for what JSON does not have.
function encode(value) {
  let text = JSON.stringify(value);
  if (text === undefined) throw new TypeError(`JSON has no ${typeof value}`);
  if (text.includes('null')) JSON.stringify(value, refuseNonFinite); // stringify() writes null for NaN
  if (text.includes('\u2028')) text = text.replaceAll('\u2028', '\\u2028');
  if (text.includes('\u2029')) text = text.replaceAll('\u2029', '\\u2029');
  return text;
}

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]]|[^\s"{}[\]:,]+/g;

// The text of the member at `path` in the text of an object: numbers beyond 2^53 are exact in text only.
function memberText(text, path) {
  const keys = [];
  let found;
  let expectsKey = false; // in the innermost object
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === '{' || token === '[') {
      keys.push(undefined);
      expectsKey = token === '{';
    } else if (token === '}' || token === ']') {
      keys.pop();
      expectsKey = keys.at(-1) !== undefined;
    } else if (expectsKey) {
      keys[keys.length - 1] = JSON.parse(token);
      expectsKey = false;
    } else {
      if (keys.length === path.length && keys.every((key, at) => key === path[at])) found = token;
      expectsKey = keys.at(-1) !== undefined;
    }
  }
  return found;
}

// The JSON text of an id, as it was sent; undefined for what is not an id.
function idText(id, line, path) {
  if (typeof id === 'number') return Number.isSafeInteger(id) ? String(id) : memberText(line, path);
  return typeof id === 'string' || id === null ? encode(id) : undefined;
}

const errorReply = (id, { code, message, data }) => `{"jsonrpc":"2.0","id":${id},"error":${encode({ code, message, data })}}`;

// Types of params: JSON Schema, checked by functions from a value to nothing or { path, expected }.

const TYPES = {
  number: ['a number', Number.isFinite],
  integer: ['an integer', Number.isSafeInteger],
  string: ['a string', (value) => typeof value === 'string'],
  boolean: ['a boolean', (value) => typeof value === 'boolean'],
  object: ['an object', isObject],
  array: ['an array', Array.isArray],
  null: ['null', (value) => value === null],
};
const matcher = (pattern) => (value) => pattern.test(value);
const count = (number, unit) => `${number} ${unit}${number === 1 ? '' : 's'}`;

// By kind of value: each keyword with what tests a value, and its words for an error.
const LIMITS = {
  number: {
    minimum: [(least) => (value) => value >= least, (least) => `of at least ${least}`],
    exclusiveMinimum: [(bound) => (value) => value > bound, (bound) => `over ${bound}`],
    maximum: [(most) => (value) => value <= most, (most) => `of at most ${most}`],
    exclusiveMaximum: [(bound) => (value) => value < bound, (bound) => `under ${bound}`],
    multipleOf: [(unit) => (value) => value % unit === 0, (unit) => `that is a multiple of ${unit}`],
  },
  string: {
    minLength: [(least) => (value) => [...value].length >= least, (least) => `of at least ${count(least, 'character')}`],
    maxLength: [(most) => (value) => [...value].length <= most, (most) => `of at most ${count(most, 'character')}`],
    pattern: [(pattern) => matcher(new RegExp(pattern, 'u')), (pattern) => `that matches ${pattern}`],
  },
  array: {
    minItems: [(least) => (value) => value.length >= least, (least) => `of at least ${count(least, 'value')}`],
    maxItems: [(most) => (value) => value.length <= most, (most) => `of at most ${count(most, 'value')}`],
  },
};
const KINDS = { integer: 'number' };
const PARTS = ['type', 'const', 'enum', 'anyOf', 'oneOf', 'items', 'properties', 'required', 'additionalProperties'];
const DESCRIPTIONS = ['title', 'description', 'default', 'examples', 'format', 'deprecated', '$comment', '$schema', '$id'];
const KEYWORDS = new Set([...PARTS, ...DESCRIPTIONS, ...Object.values(LIMITS).flatMap(Object.keys)]);

// Without half of a surrogate pair at its end.
const cut = (text, most = EXPECTED_CHARACTERS_MAX) => (text.length > most ? `${text.slice(0, most).replace(/[\ud800-\udbff]$/, '')}...` : text);
const step = (name) => `/${cut(String(name).replaceAll('~', '~0').replaceAll('/', '~1'), STEP_CHARACTERS_MAX)}`;
const below = (found, name) => found && { path: step(name) + found.path, expected: found.expected };
const typesOf = (schema) => [schema.type ?? []].flat();
const isNull = (schema) => schema.type === 'null';

function namesOf(names) {
  if (names.length === 0) return 'no params';
  return cut(names.length === 1 ? `the name ${names[0]}` : `one of the names ${names.join(', ')}`);
}

function limitsOf(declared, type) {
  const schema = { ...declared };
  if (type === 'integer' && !('exclusiveMinimum' in schema)) schema.minimum ??= Number.MIN_SAFE_INTEGER;
  if (type === 'integer' && !('exclusiveMaximum' in schema)) schema.maximum ??= Number.MAX_SAFE_INTEGER;
  const limits = LIMITS[KINDS[type] ?? type] ?? {};
  const words = Object.keys(limits).filter((keyword) => keyword in schema).map((keyword) => limits[keyword][1](schema[keyword]));
  if (type === 'number' && words.length === 0) return ' in the range of a 64-bit float';
  if (words.length === 2 && 'minimum' in schema && 'maximum' in schema) return ` from ${schema.minimum} to ${schema.maximum}`;
  if (type === 'array' && words.length === 2 && schema.minItems === schema.maxItems) return ` of ${count(schema.minItems, 'value')}`;
  return words.map((each) => ` ${each}`).join(' and');
}

// What a schema takes, in the words of the server's typed methods.
function expectedOf(schema) {
  const choices = choicesOf(schema);
  if (choices) return cut((choices.length > 1 ? 'one of ' : '') + choices.map((each) => JSON.stringify(each)).join(', '));
  const branches = schema.anyOf ?? schema.oneOf;
  if (branches) {
    const words = branches.filter((each) => !isNull(each)).map(expectedOf).join(' or ');
    return cut(words) + (branches.some(isNull) ? ', or null' : '');
  }
  return typesOf(schema).map((type) => cut(TYPES[type][0] + limitsOf(schema, type))).join(' or ') || 'a value as rpc.discover describes it';
}

// Throws for a schema that it could not check in full.
function checkSchema(schema) {
  if (!isObject(schema)) throw new TypeError(`not a type: ${JSON.stringify(schema)}`);
  for (const keyword of Object.keys(schema)) {
    if (!KEYWORDS.has(keyword)) throw new TypeError(`a schema with ${JSON.stringify(keyword)} is not supported`);
  }
  const unknown = typesOf(schema).find((type) => !Object.hasOwn(TYPES, type));
  if (unknown !== undefined) throw new TypeError(`there is no type ${JSON.stringify(unknown)}`);
}

function membersChecker({ properties = {}, required = [], additionalProperties = true }) {
  const checks = new Map(Object.entries(properties).map(([name, schema]) => [name, checkerOf(schema)]));
  const checkOther = isObject(additionalProperties) ? checkerOf(additionalProperties)
    : additionalProperties ? () => undefined : () => ({ path: '', expected: namesOf([...checks.keys()]) });
  return (value) => {
    const missing = required.find((name) => !Object.hasOwn(value, name));
    if (missing !== undefined) return { path: step(missing), expected: `${expectedOf(properties[missing] ?? {})} (it is missing)` };
    for (const name of Object.keys(value)) {
      const found = (checks.get(name) ?? checkOther)(value[name]);
      if (found) return below(found, name);
    }
    return undefined;
  };
}

function itemsChecker(items) {
  const check = checkerOf(items);
  return (value) => {
    for (let at = 0; at < value.length; ++at) {
      const found = check(value[at]);
      if (found) return below(found, at);
    }
    return undefined;
  };
}

// Where one branch alone is not null, that branch says what is wrong inside.
function branchesChecker(branches, misfit, isExclusive) {
  const checks = branches.map(checkerOf);
  const others = checks.filter((check, at) => !isNull(branches[at]));
  const fits = (check, value) => check(value) === undefined;
  return (value) => {
    if (isExclusive ? checks.filter((check) => fits(check, value)).length === 1 : checks.some((check) => fits(check, value))) return undefined;
    const found = others.length === 1 ? others[0](value) : undefined;
    return found?.path ? found : misfit;
  };
}

const kindOf = (value) => (Array.isArray(value) ? 'array' : typeof value);
const choicesOf = (schema) => ('const' in schema ? [schema.const] : schema.enum);

// Functions that say whether a value as a whole is what the schema has.
function* testsOf(schema) {
  const types = typesOf(schema).map((type) => TYPES[type][1]);
  if (types.length > 0) yield types.length === 1 ? types[0] : (value) => types.some((holds) => holds(value));
  const texts = new Set(choicesOf(schema)?.map((each) => JSON.stringify(each)));
  if (texts.size > 0) yield (value) => texts.has(JSON.stringify(value));
  for (const [kind, limits] of Object.entries(LIMITS)) {
    for (const keyword of Object.keys(limits).filter((each) => each in schema)) {
      const holds = limits[keyword][0](schema[keyword]);
      yield (value) => kindOf(value) !== kind || holds(value);
    }
  }
}

function* partCheckersOf(schema) {
  const items = schema.items && itemsChecker(schema.items);
  if (items) yield (value) => (Array.isArray(value) ? items(value) : undefined);
  const hasMembers = ['properties', 'required', 'additionalProperties'].some((keyword) => keyword in schema);
  const members = hasMembers && membersChecker(schema);
  if (members) yield (value) => (isObject(value) ? members(value) : undefined);
}

function checkerOf(schema) {
  checkSchema(schema);
  const misfit = { path: '', expected: expectedOf(schema) };
  const checks = [
    ...[...testsOf(schema)].map((holds) => (value) => (holds(value) ? undefined : misfit)),
    ...['anyOf', 'oneOf'].filter((keyword) => keyword in schema).map((keyword) => branchesChecker(schema[keyword], misfit, keyword === 'oneOf')),
    ...partCheckersOf(schema),
  ];
  if (checks.length === 1) return checks[0];
  return (value) => {
    for (const check of checks) {
      const found = check(value);
      if (found) return found;
    }
    return undefined;
  };
}

// "number", "number[]", "string?", or a JSON Schema.
function readType(type) {
  if (typeof type !== 'string') return { schema: type, optional: false };
  const [, name, arrays, mark] = /^(\w+)((?:\[\])*)(\??)$/.exec(type) ?? [];
  if (name !== 'any' && !Object.hasOwn(TYPES, name ?? '')) throw new TypeError(`there is no type ${JSON.stringify(type)}`);
  let schema = name === 'any' ? {} : { type: name };
  for (let depth = 0; depth < arrays.length; depth += 2) schema = { type: 'array', items: schema };
  return { schema, optional: mark === '?' };
}

const nullable = (schema) => (Object.keys(schema).length === 0 ? schema : { anyOf: [schema, { type: 'null' }] });

// Methods

const methods = new Map();

function readParam([name, type]) {
  const read = readType(type);
  const optional = read.optional || name.endsWith('?');
  return {
    name: name.replace(/\?$/, ''),
    required: !optional,
    schema: optional ? nullable(read.schema) : read.schema,
    check: checkerOf(read.schema),
    expected: expectedOf(read.schema) + (optional ? ', or null' : ''),
  };
}

function readParams(declared) {
  if (!isObject(declared)) throw new TypeError('params are an object of types by name');
  const params = Object.entries(declared).map(readParam);
  if (new Set(params.map(({ name }) => name)).size !== params.length) throw new TypeError('two params have one name');
  const first = params.findIndex(({ required }) => !required);
  if (first >= 0 && params.slice(first).some(({ required }) => required)) {
    throw new TypeError('optional params must come after the required ones');
  }
  return params;
}

function readMethod(name, options, fn) {
  if (typeof name !== 'string' || name === '') throw new TypeError('the name of a method is a string');
  if (name.startsWith('rpc.')) throw new TypeError('names that begin with rpc. are the server\'s own');
  if (methods.has(name)) throw new TypeError('it is there already');
  if (typeof fn !== 'function') throw new TypeError('it needs a function');
  const { params, result = 'any', summary, description, deprecated, ...others } = options;
  if (Object.keys(others).length > 0) throw new TypeError(`there is no option ${Object.keys(others)[0]}`);
  const read = params === undefined ? undefined : readParams(params);
  const { schema, optional } = readType(result);
  checkSchema(schema);
  return {
    fn,
    params: read,
    described: {
      name, summary, description, deprecated, paramStructure: 'either',
      params: (read ?? []).map(({ name: named, required, schema: type }) => ({ name: named, required, schema: type })),
      result: { name: 'result', schema: optional ? nullable(schema) : schema },
    },
  };
}

/** Serves `fn` under `name`. Params that do not fit what `options.params` declares are answered -32602. */
export function method(name, options, fn) {
  const entry = typeof options === 'function' ? [{}, options] : [options ?? {}, fn];
  try {
    methods.set(name, readMethod(name, ...entry));
  } catch (error) {
    throw new TypeError(`method(${JSON.stringify(name)}): ${error.message}`);
  }
  return entry[1];
}

const describe = () => [...methods.values()].map(({ described }) => described);
const openRpc = () => ({ openrpc: '1.3.2', info: { title: basename(process.argv[1] ?? 'handler'), version: '0' }, methods: describe() });

function namedValues(declared, params) {
  const known = new Set(declared.map(({ name }) => name));
  const unknown = Object.keys(params).find((name) => !known.has(name));
  if (unknown !== undefined) throw RpcError.invalidParams(step(unknown), namesOf([...known]));
  return declared.map(({ name }) => (Object.hasOwn(params, name) ? params[name] : undefined));
}

function valuesByPosition(declared, params) {
  const { length } = declared;
  if (params.length <= length) return [...params, ...Array(length - params.length)];
  throw RpcError.invalidParams(step(length), length === 0 ? 'no params' : `at most ${count(length, 'param')}`);
}

// The arguments of a method's function, in the declared order, without the call.
function bind(declared, params = {}) {
  if (!declared) return [params];
  const byPosition = Array.isArray(params);
  const values = byPosition ? valuesByPosition(declared, params) : namedValues(declared, params);
  for (let at = 0; at < declared.length; ++at) {
    const { name, required, check, expected } = declared[at];
    let found;
    if (!required) values[at] ??= undefined; // null counts as left out
    if (values[at] !== undefined) found = check(values[at]);
    else if (required) found = { path: '', expected: `${expected} (it is missing)` };
    if (!found) continue;
    const isWhole = found.path === '' && values[at] !== undefined;
    throw RpcError.invalidParams(step(byPosition ? at : name) + found.path, isWhole ? expected : found.expected);
  }
  return values;
}

// Output

// Whole lines to the stream that replies go to. Lines of one iteration of the event loop share a write.
class Output {
  #write;
  #text = '';
  #publications = [];
  #onDrain;
  full = true; // until it is opened

  // `write` is the stream's own; what others write to the stream goes elsewhere.
  open(stream, write, onDrain) {
    this.#write = write;
    this.#onDrain = onDrain;
    this.full = false;
    stream.on('drain', () => this.#drained());
    stream.on('error', () => process.exit(1)); // there is no reader any more
  }

  send(line) {
    if (this.#text === '') process.nextTick(() => this.#flush());
    this.#text += `${line}\n`;
    if (this.#text.length >= WRITE_CHARACTERS) this.#flush();
  }

  // A promise where the line waits, nothing where it is on its way.
  publish(line) {
    if (!this.full) return this.send(line);
    if (this.#publications.length >= WAITING_PUBLICATIONS_MAX) throw new Error(`${WAITING_PUBLICATIONS_MAX} publications wait already`);
    return new Promise((resolve) => this.#publications.push({ line, resolve }));
  }

  // Resolves when everything is written.
  close() {
    this.releasePublications();
    this.#flush();
    return new Promise((resolve) => this.#write('', resolve));
  }

  releasePublications() {
    for (const { line, resolve } of this.#publications.splice(0)) {
      this.send(line);
      resolve();
    }
  }

  #flush() {
    const text = this.#text;
    this.#text = '';
    if (text !== '' && !this.#write(text)) this.full = true;
  }

  #drained() {
    this.full = false;
    this.releasePublications();
    this.#onDrain();
  }
}

const output = new Output();

/** Publishes `data` to the subscribers of `topic`. Resolves when the line is on its way; await it to publish no faster. */
export async function publish(topic, data) {
  if (typeof topic !== 'string') throw new TypeError('a topic is a string');
  return output.publish(`{"jsonrpc":"2.0","method":"rpc.publish","params":{"topic":${encode(topic)},"data":${encode(data)}}}`);
}

// Calls

/** What a method's function may ask and say about its call. */
class Call {
  #active;

  constructor(active) {
    this.#active = active;
  }

  get id() { return this.#active.message.id; }
  get method() { return this.#active.message.method; }
  get traceparent() { return this.#active.message.traceparent; }
  /** Milliseconds until the call's time limit; Infinity without one. */
  get remaining() { return this.#active.remaining; }
  /** Whether the call was cancelled, or has passed its time limit. */
  get cancelled() { return this.#active.stopReason !== undefined; }
  /** Aborts when `cancelled` becomes true. */
  get signal() { return this.#active.signal; }

  /** Sends a notification that belongs to this call. While stdout is full, one with the same `key` replaces it. */
  notify(name, params, { key } = {}) {
    if (typeof name !== 'string') throw new TypeError('the name of a notification is a string');
    if (params !== undefined && !isStructured(params)) throw new TypeError('params are an object or an array');
    if (key !== undefined && typeof key !== 'string') throw new TypeError('a key is a string');
    const members = (params === undefined ? '' : `,"params":${encode(params)}`) + (key === undefined ? '' : `,"key":${encode(key)}`);
    this.#active.note(`{"jsonrpc":"2.0","method":${encode(name)}${members},"call":${this.#active.id}}`, key);
  }

  progress(value, options) {
    this.notify('rpc.progress', { value }, options);
  }
}

// One call from its line to its reply.
class ActiveCall {
  done = false;
  #deadline = Infinity;
  #reason;
  #controller;
  #timer;
  #notes = []; // { line, key }, while the output is full

  // `id` is its text, undefined for a notification; `values` are the arguments before the call.
  constructor(message, id, entry, values) {
    this.message = message;
    this.id = id;
    this.entry = entry;
    this.values = values;
    if (message.timeout_ms > 0) this.#deadline = performance.now() + message.timeout_ms;
  }

  get remaining() {
    return this.#deadline === Infinity ? Infinity : Math.max(0, this.#deadline - performance.now());
  }

  get stopReason() {
    if (this.remaining === 0) this.#reason ??= timedOut(this.message.timeout_ms);
    return this.#reason;
  }

  get signal() {
    if (!this.#controller) {
      this.#controller = new AbortController();
      const { stopReason, remaining } = this;
      if (stopReason) this.stop(stopReason);
      else if (!this.done && remaining <= TIMER_MS_MAX) this.#timer = setTimeout(() => this.stop(timedOut(this.message.timeout_ms)), remaining);
    }
    return this.#controller.signal;
  }

  stop(reason) {
    this.#reason ??= reason;
    this.#controller?.abort(this.#reason);
  }

  run() {
    return this.entry.fn(...this.values, new Call(this));
  }

  note(line, key) {
    if (this.done || this.id === undefined || this.stopReason) return;
    if (!output.full) return output.send(line);
    const same = key === undefined ? -1 : this.#notes.findIndex((note) => note.key === key);
    if (same >= 0) this.#notes.splice(same, 1);
    this.#notes.push({ line, key });
    if (this.#notes.length > WAITING_NOTES_MAX) this.#notes.shift();
  }

  releaseNotes() {
    for (const { line } of this.#notes.splice(0)) output.send(line);
  }

  // Nothing of a call is sent after its reply.
  end() {
    this.done = true;
    clearTimeout(this.#timer);
    if (!this.#reason) this.releaseNotes();
  }

  // The error that an exception is answered with; one that is not for the client is logged.
  errorOf(error) {
    if (error instanceof RpcError) return this.#namedAsSent(error);
    if (this.stopReason && error?.name === 'AbortError') return this.stopReason;
    log(this.message.method, error);
    return internalError();
  }

  // A path "/width" becomes "/0" where the params came by position.
  #namedAsSent(error) {
    const path = Array.isArray(this.message.params) && error.code === -32602 && error.data?.path;
    const at = path ? (this.entry.params ?? []).findIndex(({ name }) => `${path}/`.startsWith(`${step(name)}/`)) : -1;
    return at < 0 ? error : RpcError.invalidParams(step(at) + path.slice(step(this.entry.params[at].name).length), error.data.expected);
  }

  // The text of its reply.
  replyOf(result, error) {
    try {
      if (error === undefined) return `{"jsonrpc":"2.0","id":${this.id},"result":${encode(result === undefined ? null : result)}}`;
      return errorReply(this.id, error);
    } catch (unwritable) {
      log(this.message.method, unwritable);
      return errorReply(this.id, internalError());
    }
  }
}

// Subscriptions

class Subscription {
  #waiting = [];
  #dropped = 0;
  busy = false;

  constructor(pattern, fn) {
    this.pattern = pattern;
    this.fn = fn;
  }

  matches(topic) {
    return this.pattern === topic || (this.pattern.endsWith('*') && topic.startsWith(this.pattern.slice(0, -1)));
  }

  push(event) {
    this.#waiting.push(event);
    if (this.#waiting.length <= WAITING_EVENTS_MAX) return;
    this.#waiting.shift();
    ++this.#dropped;
  }

  // One event after another.
  async deliver() {
    if (this.busy) return;
    this.busy = true;
    for (let event; (event = this.#waiting.shift());) {
      const { topic, result, n, pos, gap, dropped = 0 } = event;
      const missed = dropped + this.#dropped;
      this.#dropped = 0;
      try {
        await this.fn(topic, result, { n, pos, gap: gap === true, dropped: missed });
      } catch (error) {
        log(`subscribe(${JSON.stringify(this.pattern)})`, error);
      }
    }
    this.busy = false;
  }
}

const subscriptions = [];

/** Calls `fn(topic, data, event)` for each event of a topic, or of topics with a prefix: "orders.*". */
export function subscribe(topic, fn) {
  if (typeof topic !== 'string') throw new TypeError('a topic is a string');
  if (typeof fn !== 'function') throw new TypeError('subscribe() needs a function');
  subscriptions.push(new Subscription(topic, fn));
  return fn;
}

// Input

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function parseLine(bytes) {
  let text = bytes.toString('utf8');
  if (text.includes('\ufffd')) text = strict.decode(bytes); // throws where the bytes are not UTF-8
  if (text.startsWith('\ufeff')) text = text.slice(1);
  return text.trim() === '' ? undefined : { text, message: JSON.parse(text) };
}

class LineReader {
  #parts = [];
  #size = 0;

  constructor(onLine, onTooLong) {
    this.onLine = onLine;
    this.onTooLong = onTooLong;
  }

  push(chunk) {
    let start = 0;
    for (let end; (end = chunk.indexOf(10, start)) >= 0; start = end + 1) this.#take(chunk.subarray(start, end));
    this.#size += chunk.length - start;
    if (this.#size > LINE_BYTES_MAX) this.#parts = []; // the rest of the line is skipped
    else if (start < chunk.length) this.#parts.push(chunk.subarray(start));
  }

  // What comes before the end of input.
  end() {
    this.#take(Buffer.alloc(0));
  }

  #take(last) {
    const line = this.#parts.length === 0 ? last : Buffer.concat([...this.#parts, last]);
    const size = this.#size + last.length;
    this.#parts = [];
    this.#size = 0;
    if (size > LINE_BYTES_MAX) this.onTooLong();
    else this.onLine(line);
  }
}

// Server

function detailOf(message) {
  if (Array.isArray(message)) return 'a batch; send one message a line';
  if (!isObject(message)) return 'the message is not an object';
  if (message.jsonrpc !== '2.0') return '"jsonrpc" is not "2.0"';
  if (typeof message.method !== 'string') return '"method" is not a string';
  return message.params === undefined || isStructured(message.params) ? undefined : '"params" is not an array or object';
}

class Server {
  #input;
  #concurrency;
  #running = new Set();
  #waiting = [];
  #byId = new Map(); // waiting and running, by the text of their id
  #isStarting = false;
  #isEnding = false;
  #onEnd;

  constructor(input, concurrency) {
    this.#input = input;
    this.#concurrency = concurrency;
  }

  // Resolves after the end of input, when all calls are answered.
  serve() {
    const reader = new LineReader((bytes) => this.#receive(bytes), () => output.send(errorReply('null', tooBig())));
    this.#input.on('data', (chunk) => {
      reader.push(chunk);
      this.#regulate();
    });
    this.#input.on('end', () => {
      reader.end();
      this.end();
    });
    this.#input.on('error', () => this.end());
    return new Promise((resolve) => { this.#onEnd = resolve; });
  }

  // Nothing more is read; what was read is served.
  end() {
    this.#isEnding = true;
    if (this.#input.readableLength > 0) this.#input.read(); // what it holds while it is paused
    this.#input.destroy();
    this.#endIfIdle();
  }

  onDrain() {
    for (const active of this.#running) active.releaseNotes();
    this.#startWaiting();
    this.#regulate();
  }

  #receive(bytes) {
    let line;
    try {
      line = parseLine(bytes);
    } catch {
      return output.send(errorReply('null', parseError()));
    }
    if (line) this.#handle(line.message, line.text);
  }

  #handle(message, text) {
    const isRequest = isObject(message) && Object.hasOwn(message, 'id');
    const id = isRequest ? idText(message.id, text, ['id']) : undefined;
    const detail = detailOf(message) ?? (isRequest && id === undefined ? '"id" is not a string, number or null' : undefined);
    if (detail === undefined) return this.#dispatch(message, id, text);
    const isReply = isObject(message) && message.method === undefined && ('result' in message || 'error' in message);
    if (!isReply) output.send(errorReply(id ?? 'null', invalidRequest(detail)));
  }

  #dispatch(message, id, text) {
    const answer = (result) => id !== undefined && output.send(`{"jsonrpc":"2.0","id":${id},"result":${encode(result)}}`);
    switch (message.method) {
      case 'rpc.cancel':
        return answer(this.#cancel(idText(message.params?.id, text, ['params', 'id'])));
      case 'rpc.discover':
        return answer(openRpc());
      case 'rpc.subscription':
      case 'rpc_subscription':
        return this.#event(message.params ?? {});
      default:
        return this.#call(message, id);
    }
  }

  #call(message, id) {
    const entry = methods.get(message.method);
    try {
      if (!entry) throw unknownMethod();
      const active = new ActiveCall(message, id, entry, bind(entry.params, message.params));
      if (id !== undefined) this.#byId.set(id, active);
      if (this.#canStart && this.#waiting.length === 0) this.#start(active);
      else this.#waiting.push(active);
    } catch (error) {
      if (id !== undefined) output.send(errorReply(id, error));
    }
  }

  get #canStart() {
    return this.#running.size < this.#concurrency && !output.full;
  }

  #start(active) {
    this.#running.add(active);
    try {
      if (active.stopReason) throw active.stopReason;
      const outcome = active.run();
      if (typeof outcome?.then !== 'function') return this.#finish(active, outcome);
      outcome.then((result) => this.#finish(active, result), (error) => this.#finish(active, undefined, active.errorOf(error)));
    } catch (error) {
      this.#finish(active, undefined, active.errorOf(error));
    }
  }

  #finish(active, result, error) {
    this.#running.delete(active);
    this.#answer(active, result, error);
    if (this.#waiting.length > 0) this.#startWaiting();
    if (this.#isEnding) this.#endIfIdle();
    else if (this.#input.isPaused()) this.#regulate();
  }

  #answer(active, result, error) {
    active.end();
    if (this.#byId.get(active.id) === active) this.#byId.delete(active.id);
    if (active.id !== undefined) output.send(active.replyOf(result, error));
  }

  #startWaiting() {
    if (this.#isStarting) return; // a call that ends at once
    this.#isStarting = true;
    while (this.#waiting.length > 0 && this.#canStart) this.#start(this.#waiting.shift());
    this.#isStarting = false;
  }

  #cancel(id) {
    const active = this.#byId.get(id);
    if (!active) return false;
    active.stop(cancelled());
    const at = this.#waiting.indexOf(active);
    if (at >= 0) {
      this.#waiting.splice(at, 1);
      this.#answer(active, undefined, cancelled());
    }
    return true;
  }

  #event(params) {
    if (params.error) log(`the subscription of ${params.topic ?? params.subscription} has ended`, params.error.message);
    else if (typeof params.topic === 'string') {
      for (const each of subscriptions.filter((subscription) => subscription.matches(params.topic))) {
        each.push(params);
        each.deliver().then(() => this.#endIfIdle());
      }
    }
  }

  // Reads on only where calls and replies find room.
  #regulate() {
    if (this.#isEnding) return;
    if (output.full || this.#waiting.length >= WAITING_CALLS_MAX) this.#input.pause();
    else this.#input.resume();
  }

  #endIfIdle() {
    const isIdle = this.#running.size === 0 && this.#waiting.length === 0 && subscriptions.every(({ busy }) => !busy);
    if (this.#isEnding && isIdle) this.#onEnd();
  }
}

// The command line, for trying a method without a server

function exitWithUsage(why) {
  process.stderr.write(`usage: --call METHOD [KEY=VALUE...]: ${why}\n`);
  process.exit(2);
}

function readWord(word) {
  try {
    return JSON.parse(word);
  } catch {
    return word;
  }
}

// As the program `sluice` reads them: one JSON array or object, key=value pairs, or values by position.
function readWords(words) {
  if (words.length === 0) return undefined;
  const only = words.length === 1 ? readWord(words[0]) : undefined;
  if (isStructured(only)) return only;
  const pairs = words.map((word) => /^([^=\s]+)=(.*)$/s.exec(word));
  if (!pairs[0]) return words.map(readWord);
  if (!pairs.every(Boolean)) exitWithUsage('key=value pairs, or values, but not both');
  return Object.fromEntries(pairs.map(([, name, value]) => [name, readWord(value)]));
}

// Its exit code: 0 a result, 1 an error.
async function callOnce([name, ...words], print) {
  if (name === undefined) exitWithUsage('which method?');
  const params = readWords(words);
  let active;
  try {
    const entry = methods.get(name);
    if (!entry) throw unknownMethod();
    active = new ActiveCall({ id: 1, method: name, params }, '1', entry, bind(entry.params, params));
    const result = await active.run();
    active.end();
    print(`${encode(result === undefined ? null : result)}\n`);
    return 0;
  } catch (error) {
    const { code, message, data } = active ? active.errorOf(error) : error;
    process.stderr.write(`error ${code}: ${message}${data === undefined ? '' : ` ${JSON.stringify(data)}`}\n`);
    return 1;
  }
}

// Standard output belongs to replies: what else is written to it goes to stderr, and to the server's log.

let writeOut;

function guardStdout() {
  if (writeOut) return;
  const { stdout } = process;
  writeOut = stdout.write.bind(stdout);
  stdout.write = (...args) => {
    process.stderr.write(...args);
    return true;
  };
  stdout.end = (...args) => {
    if (args.length > 0 && typeof args[0] !== 'function') stdout.write(...args);
    return stdout;
  };
}

function isPipe(descriptor) {
  try {
    const state = fstatSync(descriptor);
    return state.isFIFO() || state.isSocket();
  } catch {
    return false;
  }
}

// A server's child: what it prints before serve() would come before its first line.
if (isPipe(0) && isPipe(1) && !process.env.NODE_TEST_CONTEXT) guardStdout();

let isServing = false;

async function serveStdin(concurrency) {
  const server = new Server(process.stdin, concurrency);
  let signals = 0;
  process.on('SIGTERM', () => (++signals === 1 ? server.end() : process.exit(143)));
  if (process.listenerCount('unhandledRejection') === 0) {
    process.on('unhandledRejection', (error) => log('unhandled rejection', error));
  }
  output.open(process.stdout, writeOut, () => server.onDrain());
  output.send(encode({ jsonrpc: '2.0', method: 'rpc.hello', params: { dialect: 'sluice', methods: describe() } }));
  output.releasePublications();
  await server.serve();
  await output.close();
}

/**
 * Serves the methods until the end of stdin or SIGTERM, and then resolves, when all calls are answered. The process
 * ends a second later at the latest. With the arguments `--call METHOD ...` or `--describe` it does that instead.
 */
export async function serve({ concurrency = RUNNING_CALLS } = {}) {
  if (!(concurrency >= 1)) throw new RangeError('concurrency is at least 1');
  if (isServing) throw new Error('serve() is called once');
  isServing = true;
  guardStdout();
  const [option, ...words] = process.argv.slice(2);
  if (option === '--call' || option === '--describe') output.open(process.stderr, process.stderr.write.bind(process.stderr), () => {});
  if (option === '--call') process.exitCode = await callOnce(words, writeOut);
  else if (option === '--describe') writeOut(`${JSON.stringify(openRpc(), null, 2)}\n`);
  else await serveStdin(concurrency);
  setTimeout(() => process.exit(), EXIT_GRACE_MS).unref();
}
