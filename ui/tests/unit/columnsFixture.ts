/** Writes traces as the server does (docs/api.md, "A trace as columns"), for tests of the reader. */

import { buildTrace } from "@/model/trace";

type Attributes = readonly (readonly [key: string, value: string, type?: number])[];

export interface SpanFixture {
  /** Up to 16 hexadecimal digits. */
  readonly id: string;
  readonly parent?: string;
  readonly start?: number;
  readonly duration?: number;
  readonly service?: string;
  readonly name?: string;
  readonly error?: boolean;
  readonly hidden?: number;
  readonly message?: string;
  readonly attributes?: Attributes;
  readonly events?: readonly { time: number; name: string; attributes?: Attributes }[];
  readonly links?: readonly { traceId: string; spanId: string }[];
  readonly warnings?: readonly string[];
}

/** Spans of one resource a service and one scope; total may be more than there are. */
export function encodeTrace(spans: readonly SpanFixture[], total = spans.length): ArrayBuffer {
  const tree = buildTrace({
    spanIds: spans.map(({ id }) => id),
    parentIds: spans.map(({ parent }) => parent ?? ""),
    starts: Float64Array.from(spans, ({ start }) => start ?? 0),
    durations: Float64Array.from(spans, ({ duration }) => duration ?? 1),
    services: spans.map(({ service }) => service ?? "shop"),
    names: spans.map(({ name, id }) => name ?? id),
    flags: Uint8Array.from(
      spans,
      ({ error, warnings, hidden }) => (error ? 1 : 0) | (warnings ? 4 : 0) | (hidden ? 8 : 0),
    ),
  });
  const rows = Array.from(tree.source, (place) => spans[place]!);
  const strings = new Strings();
  const services = [...new Set(rows.map(({ service }) => service ?? "shop"))];
  const numbers = (list: readonly number[]) => Uint32Array.from(list);
  const events = rows.flatMap(({ events = [] }) => events);
  const links = rows.flatMap(({ links = [] }) => links);
  const columns: Columns = {
    start: tree.start,
    duration: tree.duration,
    shift: new Float64Array(rows.length),
    span_id: ids(rows.map(({ id }) => id)),
    parent_span_id: ids(rows.map(({ parent }) => parent ?? "")),
    parent: tree.parent,
    next: tree.next,
    depth: tree.depth,
    service: numbers(rows.map(({ service }) => strings.number(service ?? "shop"))),
    name: numbers(rows.map(({ name, id }) => strings.number(name ?? id))),
    kind: new Uint8Array(rows.length).fill(2),
    status: Uint8Array.from(rows, ({ error }) => (error ? 2 : 0)),
    flags: tree.flags,
    hidden: numbers(rows.map(({ hidden }) => hidden ?? 0)),
    status_message: numbers(rows.map(({ message }) => strings.number(message ?? ""))),
    trace_state: new Uint32Array(rows.length),
    resource: numbers(rows.map(({ service }) => services.indexOf(service ?? "shop"))),
    scope: new Uint32Array(rows.length),
    dropped: new Uint32Array(3 * rows.length),
    ...lists(
      "attribute",
      strings,
      rows.map(({ attributes }) => attributes ?? []),
    ),
    event_begin: begins(rows.map(({ events = [] }) => events.length)),
    event_time: Float64Array.from(events, ({ time }) => time),
    event_name: numbers(events.map(({ name }) => strings.number(name))),
    ...lists(
      "event_attribute",
      strings,
      events.map(({ attributes }) => attributes ?? []),
    ),
    link_begin: begins(rows.map(({ links = [] }) => links.length)),
    link_trace_id: bytes(links.map(({ traceId }) => traceId).join("")),
    link_span_id: ids(links.map(({ spanId }) => spanId)),
    ...lists(
      "link_attribute",
      strings,
      links.map(() => []),
    ),
    warning_begin: begins(rows.map(({ warnings = [] }) => warnings.length)),
    warning: numbers(
      rows.flatMap(({ warnings = [] }) => warnings.map((one) => strings.number(one))),
    ),
    ...lists(
      "resource_attribute",
      strings,
      services.map((name) => [["service.name", name]]),
    ),
    scope_name: numbers([strings.number("tests")]),
    scope_version: numbers([strings.number("1.0")]),
    ...lists("scope_attribute", strings, [[]]),
  };
  return layOut({ ...columns, ...strings.columns() }, rows.length, total);
}

type Columns = Record<string, Float64Array | Int32Array | Uint32Array | Uint8Array>;

const TYPES = [
  ["f64", Float64Array],
  ["i32", Int32Array],
  ["u32", Uint32Array],
  ["u8", Uint8Array],
] as const;

function layOut(columns: Columns, count: number, total: number): ArrayBuffer {
  let size = 0;
  const places: Record<string, { type: string; offset: number; length: number }> = {};
  for (const [name, column] of Object.entries(columns)) {
    const type = TYPES.find(([, array]) => column instanceof array)![0];
    places[name] = { type, offset: size, length: column.length };
    size = Math.ceil((size + column.byteLength) / 8) * 8;
  }
  const header = JSON.stringify({
    version: 1,
    trace_id: "0af7651916cd43dd8448eb211c80319c",
    base_unix_nano: "1795500000123456789",
    count,
    total,
    columns: places,
  });
  const padded = header.padEnd(Math.ceil((header.length + 4) / 8) * 8 - 4);
  const answer = new Uint8Array(4 + padded.length + size);
  new DataView(answer.buffer).setUint32(0, padded.length, true);
  answer.set(new TextEncoder().encode(padded), 4);
  for (const [name, column] of Object.entries(columns)) {
    const data = new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
    answer.set(data, 4 + padded.length + places[name]!.offset);
  }
  return answer.buffer;
}

class Strings {
  private readonly known = new Map<string, number>([["", 0]]);

  number(text: string): number {
    const number = this.known.get(text) ?? this.known.size;
    this.known.set(text, number);
    return number;
  }

  columns(): Columns {
    const encoded = [...this.known.keys()].map((text) => new TextEncoder().encode(text));
    return {
      string_offsets: begins(encoded.map(({ length }) => length)),
      string_bytes: Uint8Array.from(encoded.flatMap((part) => [...part])),
    };
  }
}

function begins(lengths: readonly number[]): Uint32Array {
  const begin = new Uint32Array(lengths.length + 1);
  lengths.forEach((length, place) => (begin[place + 1] = begin[place]! + length));
  return begin;
}

function lists(name: string, strings: Strings, owners: readonly Attributes[]): Columns {
  const all = owners.flat();
  return {
    [`${name}_begin`]: begins(owners.map(({ length }) => length)),
    [`${name}_key`]: Uint32Array.from(all, ([key]) => strings.number(key)),
    [`${name}_value`]: Uint32Array.from(all, ([, value]) => strings.number(value)),
    [`${name}_type`]: Uint8Array.from(all, ([, , type]) => type ?? 0),
  };
}

function ids(texts: readonly string[]): Uint8Array {
  return bytes(texts.map((id) => id.padStart(16, "0")).join(""));
}

function bytes(hexadecimal: string): Uint8Array {
  return Uint8Array.from(hexadecimal.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}
