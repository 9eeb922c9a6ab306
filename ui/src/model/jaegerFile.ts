/**
 * Reads files of traces: Jaeger's JSON, and OTLP's, which the server turns into Jaeger's.
 *
 * What is wrong with a file is told by where it is: the line for text that is no JSON, the path of
 * the member for JSON that is no trace.
 */

import { placeOfMistake } from "./jsonPlace";

/** The members of Jaeger's JSON that are read. */
export interface JaegerTrace {
  readonly traceID: string;
  readonly spans: readonly JaegerSpan[];
  readonly processes: Readonly<Record<string, JaegerProcess>>;
}

export interface JaegerProcess {
  readonly serviceName: string;
  readonly tags: readonly JaegerTag[];
}

export interface JaegerSpan {
  readonly spanID: string;
  readonly parentSpanID: string;
  readonly operationName: string;
  readonly references: readonly JaegerReference[];
  /** Microseconds since 1970, and microseconds. */
  readonly startTime: number;
  readonly duration: number;
  readonly tags: readonly JaegerTag[];
  readonly logs: readonly JaegerLog[];
  readonly processID: string;
  /** Jaeger's storage may have it here instead of among the trace's processes. */
  readonly process: JaegerProcess | null;
  readonly warnings: readonly string[];
}

export interface JaegerReference {
  readonly refType: string;
  readonly traceID: string;
  readonly spanID: string;
}

export interface JaegerTag {
  readonly key: string;
  readonly type: string;
  readonly value: unknown;
}

export interface JaegerLog {
  readonly timestamp: number;
  readonly fields: readonly JaegerTag[];
}

/** The file can't be read; the message says where, what, and what to do. */
export class FileError extends Error {}

export type FileContent =
  | { readonly format: "jaeger"; readonly traces: readonly JaegerTrace[] }
  /** One document of OTLP JSON, to be turned into Jaeger's. */
  | { readonly format: "otlp"; readonly body: string };

/** Tells what a file holds and reads it. Raises `FileError`. */
export function readTraceFile(text: string): FileContent {
  if (!text.trim()) throw new FileError("The file is empty.");
  const document = parseDocument(text);
  if (document === null) return { format: "otlp", body: joinLines(text) };
  if (isObject(document) && isOtlp(document)) return { format: "otlp", body: text };
  return { format: "jaeger", traces: readJaegerTraces(document) };
}

/** Reads `{"data": […]}`, a list of traces, or one trace. Raises `FileError`. */
export function readJaegerTraces(document: unknown): JaegerTrace[] {
  const list = isObject(document) && "data" in document ? document["data"] : document;
  const at = list === document ? "" : "data";
  if (isObject(list) && "spans" in list) return [readTrace(list, at)];
  if (!Array.isArray(list)) {
    throw new FileError(
      'This is neither Jaeger\'s JSON ({"data": [{"traceID": …, "spans": […]}]}) nor OTLP\'s ({"resourceSpans": […]}).',
    );
  }
  const traces = list.map((trace, index) => readTrace(trace, `${at}[${index}]`));
  if (!traces.length) throw new FileError("The file holds no trace.");
  return traces;
}

/** The file as one document; null where it is one a line, as the Collector writes OTLP. */
function parseDocument(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    const [first = "", second] = text.trim().split("\n", 2);
    if (second !== undefined && isLine(first)) return null;
    throw notJson(text, 0);
  }
}

function isLine(line: string): boolean {
  try {
    const document = JSON.parse(line) as unknown;
    return isObject(document) && isOtlp(document);
  } catch {
    return false;
  }
}

/** One document of all lines: spans of a trace may be in several. */
function joinLines(text: string): string {
  const resourceSpans: unknown[] = [];
  text.split("\n").forEach((line, index) => {
    if (!line.trim()) return;
    let document: unknown;
    try {
      document = JSON.parse(line);
    } catch {
      throw notJson(line, index);
    }
    const spans = isObject(document)
      ? (document["resourceSpans"] ?? document["resource_spans"])
      : null;
    if (!Array.isArray(spans)) {
      throw new FileError(`Line ${index + 1} has no list "resourceSpans", as the lines before it.`);
    }
    resourceSpans.push(...(spans as unknown[]));
  });
  return JSON.stringify({ resourceSpans });
}

function isOtlp(document: Record<string, unknown>): boolean {
  return "resourceSpans" in document || "resource_spans" in document;
}

function notJson(text: string, linesBefore: number): FileError {
  const { line, column, atEnd } = placeOfMistake(text);
  return new FileError(
    `Line ${linesBefore + line}, column ${column}: ` +
      (atEnd
        ? "the file ends in the middle of its JSON. Download it again, whole."
        : "this is no JSON. Export the file again, or mend it here."),
  );
}

function readTrace(value: unknown, at: string): JaegerTrace {
  const trace = objectAt(value, at, "a trace");
  const processes = isObject(trace["processes"]) ? trace["processes"] : {};
  const spans = listAt(trace["spans"], `${at}.spans`);
  const first = isObject(spans[0]) ? spans[0]["traceID"] : undefined;
  const traceID = hexAt(trace["traceID"] ?? first, `${at}.traceID`, 32);
  if (!spans.length) throw new FileError(`${place(at)}.spans: the trace has no spans.`);
  return {
    traceID,
    spans: spans.map((span, index) => readSpan(span, `${at}.spans[${index}]`)),
    processes: Object.fromEntries(
      Object.entries(processes).map(([id, process]) => [
        id,
        readProcess(process, `${at}.processes.${id}`),
      ]),
    ),
  };
}

function readProcess(value: unknown, at: string): JaegerProcess {
  const process = objectAt(value, at, "a process");
  return {
    serviceName: textOf(process["serviceName"]),
    tags: readTags(process["tags"], `${at}.tags`),
  };
}

function readSpan(value: unknown, at: string): JaegerSpan {
  const span = objectAt(value, at, "a span");
  return {
    spanID: hexAt(span["spanID"], `${at}.spanID`, 16),
    parentSpanID: span["parentSpanID"] ? hexAt(span["parentSpanID"], `${at}.parentSpanID`, 16) : "",
    operationName: textOf(span["operationName"]),
    references: listAt(span["references"] ?? [], `${at}.references`).map((one, index) =>
      readReference(one, `${at}.references[${index}]`),
    ),
    startTime: numberAt(span["startTime"], `${at}.startTime`),
    duration: numberAt(span["duration"], `${at}.duration`),
    tags: readTags(span["tags"], `${at}.tags`),
    logs: listAt(span["logs"] ?? [], `${at}.logs`).map((log, index) => {
      const where = `${at}.logs[${index}]`;
      const { timestamp, fields } = objectAt(log, where, "a log");
      return {
        timestamp: numberAt(timestamp, `${where}.timestamp`),
        fields: readTags(fields, `${where}.fields`),
      };
    }),
    processID: textOf(span["processID"]),
    process: span["process"] ? readProcess(span["process"], `${at}.process`) : null,
    warnings: listAt(span["warnings"] ?? [], `${at}.warnings`).map(textOf),
  };
}

function readReference(value: unknown, at: string): JaegerReference {
  const reference = objectAt(value, at, "a reference");
  return {
    refType: textOf(reference["refType"]),
    traceID: hexAt(reference["traceID"], `${at}.traceID`, 32),
    spanID: hexAt(reference["spanID"], `${at}.spanID`, 16),
  };
}

function readTags(value: unknown, at: string): JaegerTag[] {
  return listAt(value ?? [], at).map((tag, index) => {
    const { key, type, value } = objectAt(tag, `${at}[${index}]`, "a tag");
    return { key: textOf(key), type: textOf(type), value };
  });
}

function objectAt(value: unknown, at: string, what: string): Record<string, unknown> {
  if (isObject(value)) return value;
  throw new FileError(`${place(at)}: there should be ${what}, an object, not ${shown(value)}.`);
}

function listAt(value: unknown, at: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new FileError(`${place(at)}: there should be a list, not ${shown(value)}.`);
}

/** Whole numbers too large for other languages' JSON come as texts. */
function numberAt(value: unknown, at: string): number {
  const number = typeof value === "string" && value.trim() ? Number(value) : value;
  if (typeof number === "number" && Number.isFinite(number)) return number;
  throw new FileError(`${place(at)}: there should be microseconds, not ${shown(value)}.`);
}

/** Old clients leave zeros in front away; ids are compared with these. */
function hexAt(value: unknown, at: string, digits: number): string {
  if (typeof value === "string" && value.length <= digits && /^[0-9a-f]+$/i.test(value)) {
    return value.toLowerCase().padStart(digits, "0");
  }
  throw new FileError(
    `${place(at)}: there should be an id of up to ${digits} hexadecimal digits, not ${shown(value)}.`,
  );
}

function place(at: string): string {
  return at.replace(/^\./, "") || "The document";
}

function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  return value === undefined || value === null ? "" : JSON.stringify(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
