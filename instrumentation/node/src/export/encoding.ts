/**
 * Spans to OTLP bytes, without a message object in between.
 *
 * A span is encoded when it ends, so the queue holds bytes and not objects; resource and scope are
 * encoded once. Field numbers are those of opentelemetry/proto/trace/v1/trace.proto.
 */
import type { AttributeValue, Attributes } from "@opentelemetry/api";
import type { Resource } from "@opentelemetry/resources";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";

import { Writer } from "./writer.js";

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;
const MAX_KEPT_BYTES = 1024 * 1024;
const HAS_IS_REMOTE = 0x100;
const IS_REMOTE = 0x200;

let writer = new Writer();

/** One message `Span`. */
export function encodeSpan(span: ReadableSpan): Buffer {
  writer.reset();
  const context = span.spanContext();
  const parent = span.parentSpanContext;
  writer.tag(1, LENGTH);
  writer.hex(context.traceId);
  writer.tag(2, LENGTH);
  writer.hex(context.spanId);
  const state = context.traceState?.serialize();
  if (state) field(3, state);
  if (parent !== undefined) {
    writer.tag(4, LENGTH);
    writer.hex(parent.spanId);
  }
  field(5, span.name);
  writer.tag(6, VARINT);
  writer.varint(span.kind + 1);
  writer.tag(7, FIXED64);
  writer.nanoseconds(span.startTime[0], span.startTime[1]);
  writer.tag(8, FIXED64);
  writer.nanoseconds(span.endTime[0], span.endTime[1]);
  attributes(9, span.attributes);
  count(10, span.droppedAttributesCount);
  for (const event of span.events) encodeEvent(event);
  count(12, span.droppedEventsCount);
  for (const link of span.links) encodeLink(link);
  count(14, span.droppedLinksCount);
  encodeStatus(span.status);
  writer.tag(16, FIXED32);
  writer.fixed32(flags(context.traceFlags, parent?.isRemote === true));
  return take();
}

function encodeEvent(event: ReadableSpan["events"][number]): void {
  writer.tag(11, LENGTH);
  const mark = writer.begin();
  writer.tag(1, FIXED64);
  writer.nanoseconds(event.time[0], event.time[1]);
  field(2, event.name);
  if (event.attributes !== undefined) attributes(3, event.attributes);
  count(4, event.droppedAttributesCount ?? 0);
  writer.end(mark);
}

function encodeLink(link: ReadableSpan["links"][number]): void {
  writer.tag(13, LENGTH);
  const mark = writer.begin();
  writer.tag(1, LENGTH);
  writer.hex(link.context.traceId);
  writer.tag(2, LENGTH);
  writer.hex(link.context.spanId);
  const state = link.context.traceState?.serialize();
  if (state) field(3, state);
  if (link.attributes !== undefined) attributes(4, link.attributes);
  count(5, link.droppedAttributesCount ?? 0);
  writer.tag(6, FIXED32);
  writer.fixed32(flags(link.context.traceFlags, link.context.isRemote === true));
  writer.end(mark);
}

function encodeStatus(status: ReadableSpan["status"]): void {
  if (status.code === 0 && !status.message) return;
  writer.tag(15, LENGTH);
  const mark = writer.begin();
  if (status.message) field(2, status.message);
  writer.tag(3, VARINT);
  writer.varint(status.code);
  writer.end(mark);
}

function flags(traceFlags: number, isRemote: boolean): number {
  return (traceFlags & 0xff) | HAS_IS_REMOTE | (isRemote ? IS_REMOTE : 0);
}

/** One message `Resource`, with its tag in `ResourceSpans`. */
export function encodeResource(resource: Resource): Buffer {
  writer.reset();
  writer.tag(1, LENGTH);
  const mark = writer.begin();
  attributes(1, resource.attributes);
  writer.end(mark);
  return take();
}

/** One message `InstrumentationScope`, with its tag in `ScopeSpans`. */
export function encodeScope(scope: ReadableSpan["instrumentationScope"]): Buffer {
  writer.reset();
  writer.tag(1, LENGTH);
  const mark = writer.begin();
  field(1, scope.name);
  if (scope.version) field(2, scope.version);
  writer.end(mark);
  return take();
}

/** Spans of one scope, encoded. */
export interface EncodedScope {
  readonly scope: Buffer;
  readonly schemaUrl: string;
  readonly spans: readonly Buffer[];
}

/** One message `ExportTraceServiceRequest`. */
export function encodeRequest(
  resource: Buffer,
  schemaUrl: string,
  scopes: Iterable<EncodedScope>,
): Buffer {
  writer.reset();
  writer.tag(1, LENGTH);
  const whole = writer.begin();
  writer.raw(resource);
  for (const scope of scopes) {
    writer.tag(2, LENGTH);
    const mark = writer.begin();
    writer.raw(scope.scope);
    for (const span of scope.spans) {
      writer.tag(2, LENGTH);
      writer.varint(span.length);
      writer.raw(span);
    }
    if (scope.schemaUrl) field(3, scope.schemaUrl);
    writer.end(mark);
  }
  if (schemaUrl) field(3, schemaUrl);
  writer.end(whole);
  return take();
}

/** What was written; a buffer that one huge span made grow is not kept. */
function take(): Buffer {
  const bytes = writer.bytes();
  if (bytes.length > MAX_KEPT_BYTES) writer = new Writer();
  return bytes;
}

function field(number: number, text: string): void {
  writer.tag(number, LENGTH);
  writer.text(text);
}

function count(number: number, value: number): void {
  if (value === 0) return;
  writer.tag(number, VARINT);
  writer.varint(value);
}

function attributes(number: number, values: Attributes): void {
  for (const key in values) {
    const value = values[key];
    if (value === undefined) continue;
    writer.tag(number, LENGTH);
    const pair = writer.begin();
    field(1, key);
    writer.tag(2, LENGTH);
    const mark = writer.begin();
    anyValue(value);
    writer.end(mark);
    writer.end(pair);
  }
}

function anyValue(value: AttributeValue): void {
  switch (typeof value) {
    case "string":
      field(1, value);
      return;
    case "boolean":
      writer.tag(2, VARINT);
      writer.varint(value ? 1 : 0);
      return;
    case "number":
      if (Number.isSafeInteger(value)) {
        writer.tag(3, VARINT);
        writer.signedVarint(value);
      } else {
        writer.tag(4, FIXED64);
        writer.double(value);
      }
      return;
    case "object":
      if (Array.isArray(value)) arrayValue(value);
  }
}

function arrayValue(values: readonly (string | number | boolean | null | undefined)[]): void {
  writer.tag(5, LENGTH);
  const array = writer.begin();
  for (const value of values) {
    writer.tag(1, LENGTH);
    const mark = writer.begin();
    if (value !== null && value !== undefined) anyValue(value);
    writer.end(mark);
  }
  writer.end(array);
}
