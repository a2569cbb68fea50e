// Types of sluice.mjs.

/** A JSON Schema. Keywords that the SDK could not check are refused by `method()`. */
export interface Schema {
  type?: TypeName | TypeName[];
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  minimum?: number;
  exclusiveMinimum?: number;
  maximum?: number;
  exclusiveMaximum?: number;
  multipleOf?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  items?: Schema;
  minItems?: number;
  maxItems?: number;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  title?: string;
  description?: string;
  default?: unknown;
  examples?: unknown[];
  format?: string;
  deprecated?: boolean;
  $comment?: string;
  $schema?: string;
  $id?: string;
}

export type TypeName = "number" | "integer" | "string" | "boolean" | "object" | "array" | "null";

/** `"number"`, `"number[]"`, `"number?"` for one that may be left out, or a JSON Schema. */
export type Type =
  | TypeName | "any"
  | `${TypeName | "any"}?` | `${TypeName | "any"}[]` | `${TypeName | "any"}[]?` | `${TypeName | "any"}[][]`
  | Schema;

export interface MethodOptions {
  /** Types by name, in the order of the function's arguments. A name that ends with `?` may be left out. */
  params?: Record<string, Type>;
  /** The result's type, for `rpc.discover`. */
  result?: Type;
  summary?: string;
  description?: string;
  deprecated?: boolean;
}

/** What a method's function may ask and say about its call. */
export interface Call {
  readonly id: string | number | null | undefined;
  readonly method: string;
  readonly traceparent: string | undefined;
  /** Milliseconds until the call's time limit; Infinity without one. */
  readonly remaining: number;
  /** Whether the call was cancelled, or has passed its time limit. */
  readonly cancelled: boolean;
  /** Aborts when `cancelled` becomes true. */
  readonly signal: AbortSignal;
  /** Sends the note `rpc.progress {"value": value}`. */
  progress(value: unknown, options?: NoteOptions): void;
  /** Sends a notification that belongs to this call, and comes before its reply. */
  notify(method: string, params?: object | unknown[], options?: NoteOptions): void;
}

export interface NoteOptions {
  /** A newer note replaces a waiting one with the same key. */
  key?: string;
}

/** Gets the params and last the call; returns the result or its promise. */
export type MethodFunction = (...paramsAndCall: any[]) => unknown;

/** Serves `fn` under `name`, with the params as one value before the call. */
export function method<F extends (params: any, call: Call) => unknown>(name: string, fn: F): F;
/** Serves `fn` under `name`. Params that do not fit what `options.params` declares are answered -32602. */
export function method<F extends MethodFunction>(name: string, options: MethodOptions, fn: F): F;

/** The error that a call is answered with. */
export class RpcError extends Error {
  constructor(code: number, message: string, data?: unknown);
  readonly code: number;
  readonly data: unknown;
  /** The value at `path`, a JSON pointer into the params, is not what was `expected`: "a number". */
  static invalidParams(path: string, expected: string): RpcError;
}

/** Publishes `data` to the subscribers of `topic`. Resolves when the line is on its way. */
export function publish(topic: string, data: unknown): Promise<void>;

export interface TopicEvent {
  /** The event's number within the subscription. */
  readonly n: number;
  /** Its position in the topic's history. */
  readonly pos: string;
  /** Whether events before it may be lost. */
  readonly gap: boolean;
  /** How many events before it were dropped. */
  readonly dropped: number;
}

/** Calls `fn` for each event of a topic, or of topics with a prefix: `"orders.*"`. One call follows another. */
export function subscribe<F extends (topic: string, data: any, event: TopicEvent) => unknown>(topic: string, fn: F): F;

export interface ServeOptions {
  /** How many calls run at once, 1024 by default. */
  concurrency?: number;
}

/** Serves the methods until the end of stdin or SIGTERM. Resolves when all calls are answered. */
export function serve(options?: ServeOptions): Promise<void>;
