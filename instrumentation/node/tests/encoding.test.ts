/** Our bytes say what those of the OpenTelemetry exporter say. */
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags } from "@opentelemetry/api";
import { TraceState } from "@opentelemetry/core";
import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { TracerProvider, type ReadableSpan } from "@opentelemetry/sdk-trace";
import { expect, test } from "vitest";

import { encodeRequest, encodeResource, encodeScope, encodeSpan } from "../dist/export/encoding.js";
import { decodeRequest } from "./support/otlp.js";

const spans: ReadableSpan[] = [];
const resource = resourceFromAttributes({
  "service.name": "shop",
  "process.pid": 7,
  tags: ["a", "b"],
});
const provider = new TracerProvider({
  resource,
  spanLimits: { attributeCountLimit: 20, eventCountLimit: 3, linkCountLimit: 2 },
  spanProcessors: [
    {
      onStart() {},
      onEnd: (span) => void spans.push(span),
      forceFlush: async () => {},
      shutdown: async () => {},
    },
  ],
});
const tracer = provider.getTracer("scope", "1.2.3");

const zoo = {
  text: "plain",
  empty: "",
  umlaut: "Grüße 🙂 日本語",
  long: "x".repeat(5000),
  longUmlaut: "ü".repeat(300),
  yes: true,
  no: false,
  zero: 0,
  small: -1,
  negative: -123_456_789_012,
  large: Number.MAX_SAFE_INTEGER,
  smallest: Number.MIN_SAFE_INTEGER,
  fraction: 0.1,
  huge: 1e300,
  infinite: Infinity,
  texts: ["a", "ü", ""],
  numbers: [1, -2, 3.5],
  truths: [true, false],
  none: [],
};

function record(build: () => void): { ours: unknown; theirs: unknown } {
  spans.length = 0;
  build();
  const scope = encodeScope(spans[0]!.instrumentationScope);
  const ours = encodeRequest(encodeResource(resource), "", [
    { scope, schemaUrl: "", spans: spans.map(encodeSpan) },
  ]);
  return {
    ours: decodeRequest(ours),
    theirs: decodeRequest(ProtobufTraceSerializer.serializeRequest(spans)!),
  };
}

/** What is zero is left out by us and written by the other: the same to every reader. */
function withoutZeros(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutZeros);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value)
    .filter(
      ([key, each]) =>
        !(/Count$|^(code|message|schemaUrl|version)$/.test(key) && (each === 0 || each === "")),
    )
    .map(([key, each]) => [key, withoutZeros(each)] as const)
    .filter(([key, each]) => !(key === "status" && Object.keys(each as object).length === 0));
  return Object.fromEntries(entries);
}

function expectSame(build: () => void): void {
  const { ours, theirs } = record(build);
  expect(withoutZeros(ours)).toEqual(withoutZeros(theirs));
}

test("attribute values of every kind", () => {
  expectSame(() => tracer.startSpan("zoo", { attributes: zoo, kind: SpanKind.SERVER }).end());
});

test("events, links, status, trace state, remote parent and dropped counts", () => {
  expectSame(() => {
    const remote = {
      traceId: "0af7651916cd43dd8448eb211c80319c",
      spanId: "b7ad6b7169203331",
      traceFlags: TraceFlags.SAMPLED,
      isRemote: true,
      traceState: new TraceState("vendor=1,other=2"),
    };
    const parent = trace.setSpanContext(ROOT_CONTEXT, remote);
    const links = [
      { context: remote, attributes: { reason: "batch", n: 3 } },
      { context: { ...remote, isRemote: false, traceState: undefined } },
    ];
    const span = tracer.startSpan(
      "busy",
      { links: links as never, kind: SpanKind.CONSUMER },
      parent,
    );
    span.addEvent("first", { a: 1, b: "zwölf" }).addEvent("second");
    span.recordException(new Error("broken"));
    span.addEvent("fourth");
    for (let index = 0; index < 30; index++) span.setAttribute(`key.${index}`, index);
    span.setStatus({ code: SpanStatusCode.ERROR, message: "it broke" });
    span.end();
  });
});

test("many spans in one request, larger than the first buffer", () => {
  expectSame(() => {
    for (let index = 0; index < 500; index++)
      tracer.startSpan(`span ${index}`, { attributes: zoo }).end();
  });
});

test("times to the nanosecond", () => {
  expectSame(() => {
    for (const time of [
      [0, 1],
      [1_700_000_000, 999_999_999],
      [4_102_444_800, 123_456_789],
      [4_294_967_296, 5],
    ]) {
      tracer.startSpan("t", { startTime: time as [number, number] }).end(time as [number, number]);
    }
  });
});
