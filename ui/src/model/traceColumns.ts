/**
 * Traces as the server sends them: a header in JSON, and behind it typed arrays that are used where
 * they lie. The format is described in docs/api.md, "A trace as columns".
 */

import { criticalPathOf } from "./clocks";
import { derive, type Trace } from "./trace";
import {
  type Attribute,
  type AttributeType,
  type CriticalPath,
  type Dropped,
  type Scope,
  type SpanEvent,
  type SpanKind,
  type SpanLink,
  type SpanStatus,
  type TraceData,
} from "./traceData";

const VERSION = 1;
const KINDS: readonly SpanKind[] = ["", "internal", "server", "client", "producer", "consumer"];
const STATUSES: readonly SpanStatus[] = ["", "ok", "error"];
const TYPES: readonly AttributeType[] = [
  "string",
  "bool",
  "int",
  "double",
  "bytes",
  "array",
  "map",
];
const ARRAYS = {
  f64: Float64Array,
  i32: Int32Array,
  u32: Uint32Array,
  u8: Uint8Array,
} as const;

interface Header {
  readonly version: number;
  readonly trace_id: string;
  readonly base_unix_nano: string;
  readonly count: number;
  readonly total: number;
  readonly columns: Readonly<
    Record<string, { type: keyof typeof ARRAYS; offset: number; length: number }>
  >;
}

/** The columns of an answer, by name and type. */
export interface Columns {
  readonly header: Header;
  f64(name: string): Float64Array;
  i32(name: string): Int32Array;
  u32(name: string): Uint32Array;
  u8(name: string): Uint8Array;
}

/** Reads an answer without copying it. Raises `Error` where it is none, or of a later version. */
export function readColumns(buffer: ArrayBuffer): Columns {
  const headerBytes = buffer.byteLength < 4 ? 0 : new DataView(buffer).getUint32(0, true);
  const begin = 4 + headerBytes;
  if (!headerBytes || begin > buffer.byteLength) throw new Error("The answer is cut short.");
  const header = JSON.parse(
    new TextDecoder().decode(new Uint8Array(buffer, 4, headerBytes)),
  ) as Header;
  if (header.version !== VERSION) {
    throw new Error(
      `The server sends traces in format ${header.version}, this page reads ${VERSION}: reload it.`,
    );
  }
  const column = (type: keyof typeof ARRAYS, name: string) => {
    const place = header.columns[name];
    if (place?.type !== type) throw new Error(`The answer lacks the column ${name} of ${type}.`);
    return new ARRAYS[type](buffer, begin + place.offset, place.length);
  };
  return {
    header,
    f64: (name) => column("f64", name) as Float64Array,
    i32: (name) => column("i32", name) as Int32Array,
    u32: (name) => column("u32", name) as Uint32Array,
    u8: (name) => column("u8", name) as Uint8Array,
  };
}

/** Texts of an answer by their number. */
export function stringReader(columns: Columns): (number: number) => string {
  const offsets = columns.u32("string_offsets");
  const bytes = columns.u8("string_bytes");
  const decoder = new TextDecoder();
  return (number) => decoder.decode(bytes.subarray(offsets[number], offsets[number + 1]));
}

/** What is computed once from an answer, before anything is shown. */
export type Derived = Pick<
  Trace,
  "self" | "errorsBelow" | "orphans" | "begin" | "end" | "service" | "serviceNames"
> &
  Pick<Trace, "name" | "names"> & { readonly criticalPath: CriticalPath };

export function deriveColumns(columns: Columns): Derived {
  const text = stringReader(columns);
  const tree = treeOf(columns);
  const names = numbered(columns.u32("name"), text, false);
  const services = numbered(columns.u32("service"), text, true);
  const trace: Trace = {
    ...tree,
    ...derive(tree),
    name: names.ids,
    names: names.texts,
    service: services.ids,
    serviceNames: services.texts,
  };
  const kinds = columns.u8("kind");
  const { self, errorsBelow, orphans, begin, end, service, serviceNames, name } = trace;
  return {
    ...{ self, errorsBelow, orphans, begin, end, service, serviceNames, name },
    names: trace.names,
    criticalPath: criticalPathOf({ ...trace, kind: (row) => KINDS[kinds[row] ?? 0] ?? "" }),
  };
}

function treeOf(columns: Columns) {
  return {
    count: columns.header.count,
    parent: columns.i32("parent"),
    next: columns.i32("next"),
    depth: columns.i32("depth"),
    start: columns.f64("start"),
    duration: columns.f64("duration"),
    flags: columns.u8("flags"),
  };
}

/** The distinct texts of a column, and for each row which of them it has. */
function numbered(
  column: Uint32Array,
  text: (number: number) => string,
  sorted: boolean,
): { ids: Uint32Array; texts: string[] } {
  const distinct = [...new Set(column)].map((number) => ({ number, text: text(number) }));
  if (sorted) distinct.sort((one, other) => (one.text < other.text ? -1 : 1));
  const ids = new Map(distinct.map(({ number }, id) => [number, id]));
  return {
    ids: column.map((number) => ids.get(number) as number),
    texts: distinct.map(({ text }) => text),
  };
}

/** How an answer's trace searches itself: in the worker that read it. */
export type Finder = (text: string) => Promise<Int32Array>;

/** An answer of the server as a trace. */
export function traceOf(buffer: ArrayBuffer, derived: Derived, find: Finder): TraceData {
  const columns = readColumns(buffer);
  const text = stringReader(columns);
  const { header } = columns;
  const spanIds = columns.u8("span_id");
  const parentIds = columns.u8("parent_span_id");
  const [kinds, statuses] = [columns.u8("kind"), columns.u8("status")];
  const [messages, states] = [columns.u32("status_message"), columns.u32("trace_state")];
  const [shifts, dropped] = [columns.f64("shift"), columns.u32("dropped")];
  const attributes = (list: string) => attributeReader(columns, list, text);
  const [ofSpan, ofResource] = [attributes("attribute"), attributes("resource_attribute")];
  const [resources, hidden] = [columns.u32("resource"), columns.u32("hidden")];
  const warnings = listReader(columns, "warning_begin", columns.u32("warning"));
  return {
    ...treeOf(columns),
    ...derived,
    traceId: header.trace_id,
    baseUnixNano: BigInt(header.base_unix_nano),
    total: header.total,
    spanId: (row) => hex(spanIds, 8 * row, 8),
    parentSpanId: (row) => parentIdOf(parentIds, row),
    rowOf: (spanId) => findId(spanIds, spanId),
    kind: (row) => KINDS[kinds[row] ?? 0] ?? "",
    status: (row) => STATUSES[statuses[row] ?? 0] ?? "",
    statusMessage: (row) => text(messages[row] ?? 0),
    traceState: (row) => text(states[row] ?? 0),
    shift: (row) => shifts[row] ?? 0,
    hidden: (row) => hidden[row] ?? 0,
    attributes: ofSpan,
    resource: (row) => ofResource(resources[row] ?? 0),
    scope: scopeReader(columns, text),
    ...eventReaders(columns, text),
    links: linkReader(columns, text),
    warnings: (row) => Array.from(warnings(row), text),
    dropped: (row) => droppedOf(dropped, row),
    find,
  };
}

type ListReader<T> = (owner: number) => T;

/** The part of a column that belongs to an owner. */
function listReader<T extends Uint32Array | Float64Array>(
  columns: Columns,
  begin: string,
  column: T,
): ListReader<T> {
  const begins = columns.u32(begin);
  return (owner) => column.subarray(begins[owner], begins[owner + 1]) as T;
}

function attributeReader(
  columns: Columns,
  list: string,
  text: (number: number) => string,
): ListReader<readonly Attribute[]> {
  const begins = columns.u32(`${list}_begin`);
  const keys = columns.u32(`${list}_key`);
  const values = columns.u32(`${list}_value`);
  const types = columns.u8(`${list}_type`);
  return (owner) => {
    const found: Attribute[] = [];
    const end = begins[owner + 1] ?? 0;
    for (let place = begins[owner] ?? 0; place < end; place++) {
      found.push({
        key: text(keys[place] ?? 0),
        value: text(values[place] ?? 0),
        type: TYPES[types[place] ?? 0] ?? "string",
      });
    }
    return found;
  };
}

function scopeReader(columns: Columns, text: (number: number) => string): ListReader<Scope> {
  const scopes = columns.u32("scope");
  const names = columns.u32("scope_name");
  const versions = columns.u32("scope_version");
  const attributes = attributeReader(columns, "scope_attribute", text);
  return (row) => {
    const scope = scopes[row] ?? 0;
    return {
      name: text(names[scope] ?? 0),
      version: text(versions[scope] ?? 0),
      attributes: attributes(scope),
    };
  };
}

function eventReaders(columns: Columns, text: (number: number) => string) {
  const begins = columns.u32("event_begin");
  const names = columns.u32("event_name");
  const attributes = attributeReader(columns, "event_attribute", text);
  const eventTimes = listReader(columns, "event_begin", columns.f64("event_time"));
  const events = (row: number): SpanEvent[] =>
    Array.from(eventTimes(row), (time, index) => {
      const event = (begins[row] ?? 0) + index;
      return { time, name: text(names[event] ?? 0), attributes: attributes(event) };
    });
  return { eventTimes, events };
}

function linkReader(columns: Columns, text: (n: number) => string): ListReader<SpanLink[]> {
  const begins = columns.u32("link_begin");
  const traceIds = columns.u8("link_trace_id");
  const spanIds = columns.u8("link_span_id");
  const attributes = attributeReader(columns, "link_attribute", text);
  return (row) => {
    const links: SpanLink[] = [];
    for (let link = begins[row] ?? 0; link < (begins[row + 1] ?? 0); link++) {
      links.push({
        traceId: hex(traceIds, 16 * link, 16),
        spanId: hex(spanIds, 8 * link, 8),
        attributes: attributes(link),
      });
    }
    return links;
  };
}

function droppedOf(dropped: Uint32Array, row: number): Dropped {
  const [attributes = 0, events = 0, links = 0] = dropped.subarray(3 * row, 3 * row + 3);
  return { attributes, events, links };
}

function parentIdOf(ids: Uint8Array, row: number): string {
  const id = hex(ids, 8 * row, 8);
  return /^0+$/.test(id) ? "" : id;
}

function hex(bytes: Uint8Array, begin: number, size: number): string {
  let digits = "";
  for (let index = begin; index < begin + size; index++) {
    digits += (bytes[index] as number).toString(16).padStart(2, "0");
  }
  return digits;
}

/** The first row with an id, compared in halves of four bytes. */
export function findId(ids: Uint8Array, wanted: string): number {
  if (!/^[0-9a-f]{16}$/i.test(wanted)) return -1;
  const bytes = Uint8Array.from(wanted.match(/../g) ?? [], (pair) => parseInt(pair, 16));
  const [first, second] = new Uint32Array(bytes.buffer);
  const halves = new Uint32Array(ids.buffer, ids.byteOffset, ids.byteLength / 4);
  for (let half = 0; half < halves.length; half += 2) {
    if (halves[half] === first && halves[half + 1] === second) return half / 2;
  }
  return -1;
}
