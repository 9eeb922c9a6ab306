/** Functions and methods that have a span for each call. */
import { context, trace, type Span, type SpanKind } from "@opentelemetry/api";

import { endWithError, runInSpan, startSpan, type AttributeInput } from "./spans.js";

export interface TraceOptions<Arguments extends unknown[] = any[]> {
  /** The name of the span; else that of the function. */
  readonly name?: string | undefined;
  /** Attributes of each span, or a function of the arguments that gives them. */
  readonly attributes?: AttributeInput | ((...values: Arguments) => AttributeInput) | undefined;
  readonly kind?: SpanKind | undefined;
  /** Whether an error that leaves the function is recorded as an event. True unless said otherwise. */
  readonly recordException?: boolean | undefined;
}

type AnyFunction = (...values: any[]) => any;

/**
 * The function, with a span for each call. Works for functions that return values, promises,
 * generators and async generators; the span of a generator ends when it is used up or abandoned.
 * `this`, `name` and `length` stay.
 *
 * @example
 * export const enrich = traceFunction("enrich_component", async (mpn: string) => lookup(mpn));
 * const parse = traceFunction(function parseBom(text: string) { return text.split("\n"); });
 */
export function traceFunction<Fn extends AnyFunction>(fn: Fn): Fn;
export function traceFunction<Fn extends AnyFunction>(
  nameOrOptions: string | TraceOptions<Parameters<Fn>> | undefined,
  fn: Fn,
): Fn;
export function traceFunction<Fn extends AnyFunction>(
  first: Fn | string | TraceOptions<Parameters<Fn>> | undefined,
  second?: Fn,
): Fn {
  const fn = typeof first === "function" ? first : second!;
  const given = typeof first === "function" ? {} : first;
  return wrap(
    fn,
    typeof given === "string" ? { name: given } : (given ?? {}),
    fn.name || "anonymous",
  );
}

/** The function with a span a call, under the name of the options or else this one. */
export function wrap<Fn extends AnyFunction>(
  fn: Fn,
  options: TraceOptions,
  fallbackName: string,
): Fn {
  const name = options.name ?? fallbackName;
  const records = options.recordException ?? true;
  const begin = (values: unknown[]): Span => {
    const { attributes } = options;
    const found = typeof attributes === "function" ? attributesOf(attributes, values) : attributes;
    return startSpan(name, found, { kind: options.kind });
  };
  const wrapped = function (this: unknown, ...values: unknown[]): unknown {
    if (isGeneratorFunction(fn))
      return iterate(fn.apply(this, values) as Iteration, () => begin(values), records);
    return runInSpan(begin(values), () => fn.apply(this, values) as unknown, records);
  };
  copyProperties(fn, wrapped);
  return wrapped as Fn;
}

/** Attributes from arguments are an extra: where they cannot be had, the call goes on. */
function attributesOf(
  read: (...values: any[]) => AttributeInput,
  values: unknown[],
): AttributeInput {
  try {
    return read(...values);
  } catch (error) {
    return { "ananta.attributes_error": error };
  }
}

type Iteration = Generator<unknown, unknown, unknown> & AsyncGenerator<unknown, unknown, unknown>;
type Step = "next" | "return" | "throw";

function isGeneratorFunction(fn: AnyFunction): boolean {
  const { name } = fn.constructor;
  return name === "GeneratorFunction" || name === "AsyncGeneratorFunction";
}

/** The generator with its span active in each step, and not between: the caller's context is its own. */
function iterate(generator: Iteration, begin: () => Span, records: boolean): Iteration {
  const parent = context.active();
  let span: Span | undefined;
  const isAsync = Symbol.asyncIterator in generator;
  const settle = (result: IteratorResult<unknown>): IteratorResult<unknown> => {
    if (result.done === true) span?.end();
    return result;
  };
  const fail = (error: unknown): never => {
    if (span !== undefined) endWithError(span, error, records);
    throw error;
  };
  const step = (kind: Step, value: unknown): unknown => {
    // A generator that is never used has no span.
    span ??= context.with(parent, begin);
    const run = (): unknown => (generator[kind] as (value: unknown) => unknown)(value);
    const active = trace.setSpan(parent, span);
    if (isAsync) {
      return (context.with(active, run) as Promise<IteratorResult<unknown>>).then(settle, fail);
    }
    try {
      return settle(context.with(active, run) as IteratorResult<unknown>);
    } catch (error) {
      return fail(error);
    }
  };
  const wrapped = Object.create(Object.getPrototypeOf(generator) as object) as Record<
    string | symbol,
    unknown
  >;
  for (const kind of ["next", "return", "throw"] as const) {
    wrapped[kind] = (value: unknown) => step(kind, value);
  }
  wrapped[isAsync ? Symbol.asyncIterator : Symbol.iterator] = () => wrapped;
  return wrapped as unknown as Iteration;
}

interface Metadata {
  getOwnMetadataKeys?(target: object): unknown[];
  getOwnMetadata?(key: unknown, target: object): unknown;
  defineMetadata?(key: unknown, value: unknown, target: object): void;
}

/** Name, length, own properties and reflect-metadata go on to the function that stands in. */
export function copyProperties(from: AnyFunction, to: object): void {
  for (const key of Reflect.ownKeys(from)) {
    if (key === "prototype" || key === "arguments" || key === "caller") continue;
    Object.defineProperty(to, key, Object.getOwnPropertyDescriptor(from, key)!);
  }
  const reflect = Reflect as Metadata;
  for (const key of reflect.getOwnMetadataKeys?.(from) ?? []) {
    reflect.defineMetadata?.(key, reflect.getOwnMetadata?.(key, from), to);
  }
}
