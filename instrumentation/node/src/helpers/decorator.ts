/** A decorator for methods, in both forms: that of the language, and TypeScript's older one. */
import { copyProperties, wrap, type TraceOptions } from "./functions.js";

type Method = (...values: any[]) => any;

/** A decorator of either form, for a method, or for a field that holds a function. */
export interface MethodDecorator {
  <This, Value extends (this: This, ...values: any[]) => any>(
    value: Value,
    context: ClassMethodDecoratorContext<This, Value>,
  ): Value;
  <Value>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<Value>,
  ): TypedPropertyDescriptor<Value>;
}

/**
 * Gives each call of the method a span named `Class.method`, or as said.
 *
 * @example
 * class Tenants {
 *   @Trace() async find(id: string) {}
 *   @Trace({ name: "provision_tenant", attributes: (id: string) => ({ "tenant.id": id }) })
 *   async provision(id: string) {}
 * }
 */
export function Trace(options: string | TraceOptions = {}): MethodDecorator {
  const given: TraceOptions = typeof options === "string" ? { name: options } : options;
  const decorate = (
    target: unknown,
    context: unknown,
    descriptor?: PropertyDescriptor,
  ): unknown => {
    if (isStandardContext(context)) return decorateStandard(target as Method, context, given);
    return decorateLegacy(target as object, context as string | symbol, descriptor, given);
  };
  return decorate as MethodDecorator;
}

/** The same decorator, named as functions are. */
export const traced = Trace;

interface StandardContext {
  readonly kind: string;
  readonly name: string | symbol;
  readonly static: boolean;
}

function isStandardContext(context: unknown): context is StandardContext {
  return typeof context === "object" && context !== null && "kind" in context;
}

function decorateStandard(method: Method, context: StandardContext, options: TraceOptions): Method {
  if (context.kind !== "method")
    throw new TypeError(`@Trace is for methods, and ${String(context.name)} is a ${context.kind}`);
  const wrappers = new Map<string, Method>();
  // The class is known only when the method is called: by then `this` is one of its objects.
  const named = function (this: unknown, ...values: unknown[]): unknown {
    const owner = context.static
      ? (this as { name?: string })
      : (this as object | undefined)?.constructor;
    const name = `${owner?.name ?? "anonymous"}.${String(context.name)}`;
    let wrapper = wrappers.get(name);
    if (wrapper === undefined) wrappers.set(name, (wrapper = wrap(method, options, name)));
    return wrapper.apply(this, values) as unknown;
  };
  copyProperties(method, named);
  return named;
}

function decorateLegacy(
  target: object,
  key: string | symbol,
  descriptor: PropertyDescriptor | undefined,
  options: TraceOptions,
): PropertyDescriptor {
  const found = descriptor ?? Object.getOwnPropertyDescriptor(target, key);
  const method: unknown = found?.value;
  if (found === undefined || typeof method !== "function") {
    throw new TypeError(`@Trace is for methods, and ${String(key)} is none`);
  }
  const owner = typeof target === "function" ? target : target.constructor;
  found.value = wrap(method as Method, options, `${owner.name}.${String(key)}`);
  return found;
}
