/**
 * Jaeger's `uiFind`: words apart by spaces, one of which must occur; `"…"` is a phrase; `key=value`
 * one attribute; `-word` leaves out attributes whose key contains it.
 *
 * `findIndex.ts` answers the same question fast, for traces that came as columns.
 */

import { nameOf, serviceOf, type Attribute, type TraceData } from "./traceData";

export interface Searched {
  readonly spanId: string;
  readonly name: string;
  readonly service: string;
  /** Attributes of span, resource and events, as texts. */
  readonly attributes: Iterable<readonly [key: string, value: string]>;
}

export interface Find {
  readonly words: readonly string[];
  readonly without: readonly string[];
}

export function parseFind(text: string): Find {
  const words: string[] = [];
  const without: string[] = [];
  for (const match of text.matchAll(/(-?)"([^"]*)"?|(\S+)/g)) {
    const [, minus, phrase, word] = match;
    if (phrase !== undefined) {
      if (phrase) (minus ? without : words).push(phrase.toLowerCase());
    } else if (word?.startsWith("-") && word.length > 1) {
      without.push(word.slice(1).toLowerCase());
    } else if (word) {
      words.push(word.toLowerCase());
    }
  }
  return { words, without };
}

export function matches(find: Find, span: Searched): boolean {
  if (!find.words.length) return false;
  const name = span.name.toLowerCase();
  const service = span.service.toLowerCase();
  const id = span.spanId.toLowerCase();
  if (find.words.some((word) => name.includes(word) || service.includes(word) || id === word)) {
    return true;
  }
  for (const [key, value] of span.attributes) {
    const lowerKey = key.toLowerCase();
    if (find.without.some((word) => lowerKey.includes(word))) continue;
    const lowerValue = value.toLowerCase();
    const hit = find.words.some(
      (word) =>
        lowerKey.includes(word) ||
        lowerValue.includes(word) ||
        `${lowerKey}=${lowerValue}`.includes(word),
    );
    if (hit) return true;
  }
  return false;
}

/** The rows of a trace that match, read one by one. */
export function findRows(trace: Omit<TraceData, "find">, text: string): Int32Array {
  const find = parseFind(text);
  const rows: number[] = [];
  for (let row = 0; row < trace.count; row++) {
    const hit = matches(find, {
      spanId: trace.spanId(row),
      name: nameOf(trace, row),
      service: serviceOf(trace, row),
      attributes: attributesOf(trace, row),
    });
    if (hit) rows.push(row);
  }
  return Int32Array.from(rows);
}

function* attributesOf(trace: Omit<TraceData, "find">, row: number): Iterable<[string, string]> {
  const pairs = (list: readonly Attribute[]) =>
    list.map(({ key, value }): [string, string] => [key, value]);
  const scope = trace.scope(row);
  yield* pairs(trace.attributes(row));
  yield* pairs(trace.resource(row));
  yield* pairs(scope.attributes);
  yield ["otel.scope.name", scope.name];
  yield ["otel.status_description", trace.statusMessage(row)];
  for (const event of trace.events(row)) {
    yield ["event", event.name];
    yield* pairs(event.attributes);
  }
}
