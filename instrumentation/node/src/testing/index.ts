/**
 * Spans in the tests of a service, for vitest, jest, or any other runner: kept in memory, looked
 * up by name, and drawn as a tree where an assertion fails.
 *
 * @example
 * const spans = recordSpans();
 * afterEach(() => spans.reset());
 * test("loads the BOM", async () => {
 *   await processBom("b-1");
 *   spans.assertSpan("load_bom", { parent: "process_bom", attributes: { "bom.id": "b-1" } });
 *   spans.assertNoOrphans();
 *   spans.assertNoSecrets();
 * });
 */
import { AssertionError } from "node:assert";
import { isDeepStrictEqual } from "node:util";

import { SpanStatusCode, type Attributes, type Context } from "@opentelemetry/api";
import type { ReadableSpan, Span, SpanProcessor } from "@opentelemetry/sdk-trace";

import { initTracing } from "../init.js";
import type { TracingOptions } from "../options.js";
import { REDACTED, redactText, SQL_KEYS } from "../redaction.js";
import { currentState } from "../state.js";
import { drawTree, keyOf, parentKeyOf } from "./tree.js";

export { buildTree, drawTree, type SpanNode } from "./tree.js";

/** What a span must be like; what is left out may be anything. */
export interface Expected {
  /** The name of the parent; `null` for a root. */
  readonly parent?: string | null | undefined;
  readonly attributes?: Readonly<Record<string, unknown>> | undefined;
  /** Names of events it has, in this order among others. */
  readonly events?: readonly string[] | undefined;
  readonly error?: boolean | string | RegExp | undefined;
}

/**
 * Sets up tracing for tests: every span is kept in memory, nothing is sent. Tracing that was set up
 * before is replaced, so tests with other options do not get in each other's way.
 */
export function recordSpans(options: TracingOptions = {}): SpanRecorder {
  resetTracing();
  const recorder = new SpanRecorder();
  initTracing({
    serviceName: "test",
    environment: "test",
    sampler: "always_on",
    handleSignals: false,
    redact: false,
    ...options,
    spanProcessors: [recorder.processor, ...(options.spanProcessors ?? [])],
  });
  return recorder;
}

/** Takes down whatever is set up in this process, so that `initTracing` can be called afresh. */
export function resetTracing(): void {
  currentState()?.dismantle();
}

export class SpanRecorder {
  private started = new Map<string, ReadableSpan>();
  private finished: ReadableSpan[] = [];

  /** Give it to a provider of your own where `recordSpans` is not what you want. */
  readonly processor: SpanProcessor = {
    onStart: (span: Span, _parent: Context): void => {
      const readable = span as unknown as ReadableSpan;
      this.started.set(keyOf(readable), readable);
    },
    onEnd: (span: ReadableSpan): void => {
      this.started.delete(keyOf(span));
      this.finished.push(span);
    },
    forceFlush: async () => {},
    shutdown: async () => {},
  };

  /** The spans that ended, in that order. */
  get spans(): readonly ReadableSpan[] {
    return this.finished;
  }

  /** Forgets all spans. */
  reset(): void {
    this.started.clear();
    this.finished = [];
  }

  /** The spans that ended, drawn as a tree. */
  tree(): string {
    return drawTree(this.finished);
  }

  /** The one span with this name that is as expected. Fails with the tree. */
  assertSpan(name: string, expected: Expected = {}): ReadableSpan {
    const named = this.finished.filter((span) => span.name === name);
    if (named.length === 0) this.fail(`no span is named ${JSON.stringify(name)}`);
    const differences = named.map((span) => this.differences(span, expected));
    const index = differences.findIndex((each) => each.length === 0);
    if (index >= 0) return named[index]!;
    this.fail(`${JSON.stringify(name)} is not as expected: ${differences[0]!.join("; ")}`);
  }

  /** Every span but the roots has its parent among the spans, and every span has ended. */
  assertNoOrphans(): void {
    if (this.started.size > 0) {
      const names = [...this.started.values()].map(({ name }) => name).join(", ");
      this.fail(`spans have not ended: ${names}`);
    }
    const known = new Set(this.finished.map(keyOf));
    const orphans = this.finished.filter((span) => {
      const parent = parentKeyOf(span);
      return (
        parent !== undefined && span.parentSpanContext?.isRemote !== true && !known.has(parent)
      );
    });
    if (orphans.length > 0) {
      this.fail(
        `the parents of these spans are missing: ${orphans.map(({ name }) => name).join(", ")}`,
      );
    }
  }

  /**
   * No text of any span holds what looks like a secret, nor one of these.
   *
   * @param secrets texts that must not appear, such as the password the test logs in with
   */
  assertNoSecrets(...secrets: string[]): void {
    for (const span of this.finished) {
      for (const [place, key, text] of textsOf(span)) {
        const known = secrets.find((secret) => text.includes(secret));
        const looksSecret = redactText(text, key) !== text && !SQL_KEYS.has(key);
        if (known !== undefined || (looksSecret && !text.includes(REDACTED))) {
          this.fail(`${JSON.stringify(span.name)} holds a secret in ${place}`);
        }
      }
    }
  }

  private differences(span: ReadableSpan, expected: Expected): string[] {
    const found: string[] = [];
    if (expected.parent !== undefined) {
      const parent = this.finished.find((each) => keyOf(each) === parentKeyOf(span))?.name ?? null;
      if (parent !== expected.parent)
        found.push(
          `its parent is ${JSON.stringify(parent)}, not ${JSON.stringify(expected.parent)}`,
        );
    }
    for (const [key, value] of Object.entries(expected.attributes ?? {})) {
      if (!isDeepStrictEqual(span.attributes[key], value)) {
        found.push(
          `${key} is ${JSON.stringify(span.attributes[key])}, not ${JSON.stringify(value)}`,
        );
      }
    }
    const events = span.events.map(({ name }) => name);
    if (expected.events !== undefined && !isSubsequence(expected.events, events)) {
      found.push(
        `its events are ${JSON.stringify(events)}, not ${JSON.stringify(expected.events)}`,
      );
    }
    if (expected.error !== undefined && !hasError(span, expected.error)) {
      found.push(
        `its status is ${SpanStatusCode[span.status.code]} ${span.status.message ?? ""}`.trimEnd(),
      );
    }
    return found;
  }

  private fail(message: string): never {
    throw new AssertionError({
      message: `${message}\n\n${this.tree()}\n`,
      stackStartFn: this.fail,
    });
  }
}

function hasError(span: ReadableSpan, expected: boolean | string | RegExp): boolean {
  const isError = span.status.code === SpanStatusCode.ERROR;
  const message = span.status.message ?? "";
  if (typeof expected === "boolean") return isError === expected;
  return isError && (typeof expected === "string" ? message === expected : expected.test(message));
}

function isSubsequence(wanted: readonly string[], found: readonly string[]): boolean {
  let next = 0;
  for (const name of found) if (name === wanted[next]) next += 1;
  return next === wanted.length;
}

/** Every text of a span: where it is, the key it is under, and the text. */
function* textsOf(span: ReadableSpan): Generator<[place: string, key: string, text: string]> {
  yield ["its name", "name", span.name];
  if (span.status.message) yield ["its status", "status.message", span.status.message];
  yield* textsOfAttributes("attribute", span.attributes);
  for (const event of span.events) {
    yield [`event ${event.name}`, "event.name", event.name];
    yield* textsOfAttributes(`event ${event.name}, attribute`, event.attributes ?? {});
  }
  for (const link of span.links)
    yield* textsOfAttributes("a link, attribute", link.attributes ?? {});
}

function* textsOfAttributes(
  place: string,
  attributes: Attributes,
): Generator<[string, string, string]> {
  for (const [key, value] of Object.entries(attributes)) {
    for (const text of Array.isArray(value) ? value : [value]) {
      if (typeof text === "string") yield [`${place} ${key}`, key, text];
    }
  }
}
