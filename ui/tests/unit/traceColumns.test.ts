import { describe, expect, it } from "vitest";
import { findRows } from "@/model/find";
import { findIndex } from "@/model/findIndex";
import { spanJson } from "@/model/spanJson";
import { CUT, ERROR, WARNED } from "@/model/trace";
import { deriveColumns, readColumns, traceOf } from "@/model/traceColumns";
import { microsOf, nameOf, rootRow, serviceOf, type TraceData } from "@/model/traceData";
import { encodeTrace, type SpanFixture } from "./columnsFixture";

function read(spans: readonly SpanFixture[], total?: number): TraceData {
  const buffer = encodeTrace(spans, total);
  const columns = readColumns(buffer);
  const index = findIndex(columns);
  return traceOf(buffer, deriveColumns(columns), (text) => Promise.resolve(index.find(text)));
}

const SPANS: readonly SpanFixture[] = [
  { id: "b", parent: "a", start: 10, duration: 20, service: "db", name: "SELECT", error: true },
  {
    id: "a",
    duration: 100,
    name: "GET /cart",
    message: "Überlastet",
    hidden: 3,
    attributes: [
      ["http.method", "GET"],
      ["retries", "12345678901234567890", 2],
      ["tags", '["x","y"]', 5],
      ["data", "cafe", 4],
    ],
    events: [{ time: 40, name: "exception", attributes: [["exception.type", "ValueError"]] }],
    links: [{ traceId: "1".repeat(32), spanId: "2".repeat(16) }],
    warnings: ["odd clock"],
  },
  { id: "ff", parent: "e0", start: 5, duration: 1, service: "mail" },
];

describe("traceOf", () => {
  const trace = read(SPANS, 9);

  it("has the tree and what follows from it", () => {
    expect([trace.count, trace.total, trace.traceId.slice(0, 6)]).toEqual([3, 9, "0af765"]);
    expect([...trace.parent]).toEqual([-1, 0, -1]);
    expect([...trace.self]).toEqual([80, 20, 1]);
    expect([...trace.errorsBelow]).toEqual([1, 0, 0]);
    expect([...trace.orphans]).toEqual([2]);
    expect(trace.serviceNames).toEqual(["db", "mail", "shop"]);
    expect([0, 1, 2].map((row) => `${serviceOf(trace, row)} ${nameOf(trace, row)}`)).toEqual([
      "shop GET /cart",
      "db SELECT",
      "mail ff",
    ]);
    expect(Array.from(trace.flags, (flags) => flags & (ERROR | WARNED | CUT))).toEqual([12, 1, 0]);
  });

  it("knows the critical path", () => {
    expect([...trace.criticalPath.rows]).toEqual([0, 1, 0]);
    expect([...trace.criticalPath.from]).toEqual([30, 10, 0]);
  });

  it("reads a row's texts when they are asked for", () => {
    expect(trace.attributes(0)).toEqual([
      { key: "http.method", value: "GET", type: "string" },
      { key: "retries", value: "12345678901234567890", type: "int" },
      { key: "tags", value: '["x","y"]', type: "array" },
      { key: "data", value: "cafe", type: "bytes" },
    ]);
    expect(trace.attributes(1)).toEqual([]);
    expect(trace.resource(1)).toEqual([{ key: "service.name", value: "db", type: "string" }]);
    expect(trace.scope(0)).toEqual({ name: "tests", version: "1.0", attributes: [] });
    expect(trace.events(0)).toEqual([
      {
        time: 40,
        name: "exception",
        attributes: [{ key: "exception.type", value: "ValueError", type: "string" }],
      },
    ]);
    expect([...trace.eventTimes(0)]).toEqual([40]);
    expect(trace.links(0)).toEqual([
      { traceId: "1".repeat(32), spanId: "2".repeat(16), attributes: [] },
    ]);
    expect([trace.warnings(0), trace.warnings(1)]).toEqual([["odd clock"], []]);
    expect([trace.statusMessage(0), trace.status(1), trace.kind(0)]).toEqual([
      "Überlastet",
      "error",
      "server",
    ]);
    expect(trace.hidden(0)).toBe(3);
  });

  it("finds rows by span id, and tells parents that are missing", () => {
    expect(trace.spanId(2)).toBe("00000000000000ff");
    expect(trace.rowOf("00000000000000FF")).toBe(2);
    expect([trace.rowOf("00000000000000fe"), trace.rowOf("ff")]).toEqual([-1, -1]);
    expect([trace.parentSpanId(0), trace.parentSpanId(2)]).toEqual(["", "00000000000000e0"]);
    expect(rootRow(trace)).toBe(0);
  });

  it("keeps times exact", () => {
    expect(trace.baseUnixNano).toBe(1795500000123456789n);
    expect(microsOf(trace, 211)).toBe(1795500000123457);
  });

  it("writes a span as OTLP JSON", () => {
    const { resourceSpans } = JSON.parse(spanJson(trace, 0)) as {
      resourceSpans: [{ scopeSpans: [{ spans: [Record<string, unknown>] }] }];
    };
    const [span] = resourceSpans[0].scopeSpans[0].spans;
    expect(span).toMatchObject({
      spanId: "000000000000000a",
      startTimeUnixNano: "1795500000123456789",
      endTimeUnixNano: "1795500000123456889",
      status: { message: "Überlastet" },
    });
    expect(span["attributes"]).toEqual([
      { key: "http.method", value: { stringValue: "GET" } },
      { key: "retries", value: { intValue: "12345678901234567890" } },
      {
        key: "tags",
        value: { arrayValue: { values: [{ stringValue: "x" }, { stringValue: "y" }] } },
      },
      { key: "data", value: { bytesValue: "yv4=" } },
    ]);
  });
});

describe("readColumns", () => {
  it.each([
    [new ArrayBuffer(0), "cut short"],
    [encodeTrace(SPANS).slice(0, 100), "cut short"],
  ])("refuses what is no answer", (buffer, message) => {
    expect(() => readColumns(buffer)).toThrow(message);
  });

  it("refuses a later version", () => {
    const buffer = encodeTrace(SPANS);
    const text = new Uint8Array(buffer);
    text[new TextDecoder().decode(text).indexOf('"version":1') + 10] = "7".charCodeAt(0);
    expect(() => readColumns(buffer)).toThrow("format 7");
  });

  it("names a column that is missing", () => {
    expect(() => readColumns(encodeTrace(SPANS)).u32("start")).toThrow("column start of u32");
  });
});

describe("find", () => {
  const trace = read([
    ...SPANS,
    { id: "c1", parent: "a", start: 50, attributes: [["http.url", "redis://x"]] },
    { id: "c2", parent: "a", start: 51, attributes: [["cache", "Redis"]] },
    { id: "c3", parent: "a", start: 52, name: "endin", service: "gateway" },
    { id: "c4", parent: "a", start: 53, attributes: [["a", "b=c"]] },
  ]);
  const found = async (text: string) =>
    Array.from(await trace.find(text), (row) => trace.spanId(row).replace(/^0+/, ""));

  it.each([
    ["cart", ["a"]],
    ["SELECT ff", ["b", "ff"]],
    ['"get /cart"', ["a"]],
    ["00000000000000ff", ["ff"]],
    ["http.method=GET", ["a"]],
    ["method=g", ["a"]],
    ["method=x", []],
    ["valueerror", ["a"]],
    ["exception", ["a"]],
    ["überlastet", ["a"]],
    ["-status überlastet", []],
    ["redis", ["c1", "c2"]],
    ["-http redis", ["c2"]],
    ["service.name=mail", ["ff"]],
    ["a=b=c", ["c4"]],
    ["otel.scope.name=tests gone", ["a", "b", "c1", "c2", "c3", "c4", "ff"]],
    ["-name otel.scope.name=tests", []],
    ["dingate", []],
    ["", []],
    ["-http", []],
  ])("%s", async (text, expected) => {
    expect((await found(text)).sort()).toEqual([...expected].sort());
  });

  it("finds across texts that are all ASCII, and not across their borders", async () => {
    const plain = read([
      { id: "a", name: "alpha", attributes: [["key", "beta"]] },
      { id: "b", parent: "a", name: "gamma", attributes: [["other", "BETA max"]] },
    ]);
    expect([...(await plain.find("beta"))]).toEqual([0, 1]);
    expect([...(await plain.find('"beta max"'))]).toEqual([1]);
    expect([...(await plain.find("alphakey"))]).toEqual([]);
    expect([...(await plain.find("key=be"))]).toEqual([0]);
  });

  it("answers as if rows were read one by one", async () => {
    for (const text of ["redis", "-http redis", "e", '"get /c"', "a=b", "00000000000000ff zz"]) {
      expect([...(await trace.find(text))], text).toEqual([...findRows(trace, text)]);
    }
  });
});
