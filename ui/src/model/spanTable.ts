/** The spans of a trace as a table: its columns, the order of its rows, and its export. */

import { at } from "./trace";
import { nameOf, serviceOf, type TraceData } from "./traceData";

export interface SpanColumn {
  /** Names the column in the URL: a field's name, or the key of an attribute behind `@`. */
  readonly key: string;
  readonly title: string;
  readonly numeric: boolean;
  /** What rows are ordered by, and what is exported: nanoseconds for times. */
  readonly value: (row: number) => number | string;
}

/** The columns every table has. */
export function fieldColumns(trace: TraceData): SpanColumn[] {
  const text = (key: string, title: string, value: SpanColumn["value"]): SpanColumn => ({
    key,
    title,
    numeric: false,
    value,
  });
  const number = (key: string, title: string, column: Float64Array): SpanColumn => ({
    key,
    title,
    numeric: true,
    value: (row) => at(column, row),
  });
  return [
    text("service", "Service", (row) => serviceOf(trace, row)),
    text("operation", "Operation", (row) => nameOf(trace, row)),
    number("start", "Start", trace.start),
    number("duration", "Duration", trace.duration),
    number("self", "Self time", trace.self),
    text("kind", "Kind", (row) => trace.kind(row)),
    text("status", "Status", (row) => trace.status(row)),
  ];
}

/** The column of an attribute: of the span, or else of its resource; numbers as such. */
export function attributeColumn(trace: TraceData, key: string): SpanColumn {
  return { key: `@${key}`, title: key, numeric: false, value: valueReader(trace, key) };
}

/** Reads the value of an attribute of a row; "" where it has none. */
export function valueReader(trace: TraceData, key: string): (row: number) => number | string {
  return (row) => {
    const found =
      trace.attributes(row).find((attribute) => attribute.key === key) ??
      trace.resource(row).find((attribute) => attribute.key === key);
    if (!found) return "";
    const number = found.type === "int" || found.type === "double" ? Number(found.value) : NaN;
    return Number.isSafeInteger(number) || String(number) === found.value ? number : found.value;
  };
}

/** Spans looked at for their keys; a large trace repeats itself. */
const KEYS_FROM = 2000;

/** Keys of attributes of spans and resources, the most frequent first. */
export function attributeKeys(trace: TraceData): string[] {
  const counts = new Map<string, number>();
  const step = Math.max(1, Math.floor(trace.count / KEYS_FROM));
  for (let row = 0; row < trace.count; row += step) {
    for (const { key } of trace.attributes(row)) counts.set(key, (counts.get(key) ?? 0) + 1);
    for (const { key } of trace.resource(row)) counts.set(key, counts.get(key) ?? 0);
  }
  return [...counts]
    .sort(([a, one], [b, other]) => other - one || (a < b ? -1 : 1))
    .map(([key]) => key);
}

/** Rows in the order of a column; numbers before texts, rows without a value last. */
export function sortSpans(
  rows: readonly number[],
  column: SpanColumn,
  descending: boolean,
): number[] {
  const values = new Map(rows.map((row) => [row, column.value(row)]));
  const direction = descending ? -1 : 1;
  return rows.toSorted((one, other) => {
    const [a, b] = [values.get(one)!, values.get(other)!];
    if (a === b) return one - other;
    if (a === "" || b === "") return a === "" ? 1 : -1;
    if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
    return direction * (a < b ? -1 : 1);
  });
}

/** Rows whose service, operation, kind, status or shown attribute contains every word. */
export function filterSpans(
  rows: readonly number[],
  columns: readonly SpanColumn[],
  text: string,
): readonly number[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const searched = columns.filter(({ numeric }) => !numeric);
  if (!words.length) return rows;
  return rows.filter((row) => {
    const texts = searched.map(({ value }) => String(value(row)).toLowerCase());
    return words.every((word) => texts.some((text) => text.includes(word)));
  });
}

/** Comma-separated values (RFC 4180) of rows, with the id of each span; times in nanoseconds. */
export function spansToCsv(
  trace: TraceData,
  rows: readonly number[],
  columns: readonly SpanColumn[],
): string {
  const unit = ({ key, numeric }: SpanColumn) =>
    !numeric ? key.replace(/^@/, "") : key === "start" ? "start_offset_nanos" : `${key}_nanos`;
  const lines = [["span_id", "parent_span_id", ...columns.map(unit)]];
  for (const row of rows) {
    lines.push([
      trace.spanId(row),
      trace.parentSpanId(row),
      ...columns.map(({ value }) => String(value(row))),
    ]);
  }
  return lines.map((fields) => fields.map(csvField).join(",") + "\r\n").join("");
}

function csvField(text: string): string {
  // A spreadsheet would run a text that begins like a formula; numbers may begin with a minus.
  const safe = /^[=+\-@\t]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
