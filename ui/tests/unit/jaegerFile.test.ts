import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { FileError, readJaegerTraces, readTraceFile } from "@/model/jaegerFile";
import { traceOfJaeger } from "@/model/jaegerTrace";
import { ERROR, WARNED } from "@/model/trace";
import { nameOf, serviceOf, type TraceData } from "@/model/traceData";

const GOLDEN = new URL("../../../tests/golden/jaeger/", import.meta.url);
const golden = (name: string) => readFileSync(new URL(name, GOLDEN), "utf8");

const ID = "5b8efff798038103d269b633813fc60c";

function span(changes: object): object {
  return {
    traceID: ID,
    spanID: "eee19b7ec3c1b174",
    operationName: "GET /",
    startTime: 1_700_000_000_000_000,
    duration: 1000,
    processID: "p1",
    ...changes,
  };
}

function file(...spans: object[]): unknown {
  const processes = { p1: { serviceName: "web", tags: [] } };
  return { data: [{ traceID: ID, processes, spans }] };
}

function read(...spans: object[]): TraceData {
  return traceOfJaeger(readJaegerTraces(file(...spans))[0]!);
}

describe("readTraceFile", () => {
  it("reads data, a list, and one trace by itself", () => {
    const { data } = file(span({})) as { data: object[] };
    for (const document of [{ data }, data, data[0], { data: data[0] }]) {
      const content = readTraceFile(JSON.stringify(document));
      expect(content.format === "jaeger" && content.traces[0]?.spans.length).toBe(1);
    }
  });

  it("knows OTLP by itself, and joins the lines the Collector writes", () => {
    const otlp = golden("transform-in.json");
    expect(readTraceFile(otlp)).toEqual({ format: "otlp", body: otlp });
    const one = '{"resourceSpans":[{"schemaUrl":"a"}]}';
    const two = '{"resourceSpans":[{"schemaUrl":"b"},{"schemaUrl":"c"}]}';
    expect(readTraceFile(`${one}\n${two}\n\n`)).toEqual({
      format: "otlp",
      body: '{"resourceSpans":[{"schemaUrl":"a"},{"schemaUrl":"b"},{"schemaUrl":"c"}]}',
    });
  });

  it.each([
    ["", "The file is empty."],
    ['{"data":[\n  {"traceID":,}', "Line 2, column 14: this is no JSON."],
    [
      '{"data":[{"traceID":"a',
      "the file ends in the middle of its JSON. Download it again, whole.",
    ],
    ['{"resourceSpans":[]}\n{"resourceSpans":[}', "Line 2, column 19"],
    ['{"resourceSpans":[]}\n{"logs":[]}', 'Line 2 has no list "resourceSpans"'],
    ['{"data":[]}', "The file holds no trace."],
    ['{"errors":null}', "neither Jaeger's JSON"],
    ["3", "neither Jaeger's JSON"],
    ['{"data":[7]}', "data[0]: there should be a trace, an object, not 7."],
    [`{"data":[{"traceID":"${ID}","spans":[]}]}`, "data[0].spans: the trace has no spans."],
    ['{"data":[{"spans":{}}]}', "data[0].spans: there should be a list, not {}."],
  ])("says what is wrong with %j", (text, message) => {
    expect(() => readTraceFile(text)).toThrow(FileError);
    expect(() => readTraceFile(text)).toThrow(message);
  });

  it.each([
    [
      { spanID: "x1" },
      'data[0].spans[0].spanID: there should be an id of up to 16 hexadecimal digits, not "x1".',
    ],
    [
      { startTime: "soon" },
      'data[0].spans[0].startTime: there should be microseconds, not "soon".',
    ],
    [{ duration: null }, "data[0].spans[0].duration: there should be microseconds, not null."],
    [{ tags: "a=b" }, 'data[0].spans[0].tags: there should be a list, not "a=b".'],
    [
      { logs: [{}] },
      "data[0].spans[0].logs[0].timestamp: there should be microseconds, not nothing.",
    ],
    [
      { references: [1] },
      "data[0].spans[0].references[0]: there should be a reference, an object, not 1.",
    ],
  ])("names the member that is wrong: %j", (changes, message) => {
    expect(() => readJaegerTraces(file(span(changes)))).toThrow(message);
  });
});

describe("traceOfJaeger", () => {
  it("reads what our own server writes, parts of the span as such", () => {
    const trace = traceOfJaeger(readJaegerTraces(JSON.parse(golden("transform-out.json")))[0]!);
    const row = trace.rowOf("EEE19B7EC3C1B174");
    expect([nameOf(trace, row), trace.kind(row), trace.status(row)]).toEqual([
      "POST /buy",
      "server",
      "error",
    ]);
    expect(trace.statusMessage(row)).toBe("payment refused");
    expect(trace.traceState(row)).toBe("vendor=value");
    expect(trace.scope(row)).toEqual({ name: "shop.checkout", version: "2.1", attributes: [] });
    expect(trace.flags[row]! & ERROR).toBe(ERROR);
    expect(trace.attributes(row).map(({ key, type, value }) => `${key} ${type} ${value}`)).toEqual([
      'text string größe "quoted"',
      "flag bool true",
      "count int -3",
      "large int 9223372036854775807",
      "ratio double 0.25",
      "blob bytes AP8Q",
      'list string [1,"two"]',
      'map string {"z":false}',
    ]);
    expect(trace.events(row)).toEqual([
      { time: 500_000, name: "reserved", attributes: [{ key: "items", type: "int", value: "2" }] },
    ]);
    expect(trace.baseUnixNano).toBe(1_700_000_000_000_000_000n);
    expect(trace.duration[row]).toBe(123_455_000);
  });

  it("takes the first CHILD_OF of the trace for the parent, and the rest for links", () => {
    const other = "1".repeat(32);
    const trace = read(
      span({ spanID: "a", duration: 9000 }),
      span({
        spanID: "b",
        references: [
          { refType: "FOLLOWS_FROM", traceID: ID, spanID: "a" },
          { refType: "CHILD_OF", traceID: other, spanID: "c" },
          { refType: "CHILD_OF", traceID: ID, spanID: "a" },
        ],
      }),
      span({ spanID: "d", references: [{ refType: "FOLLOWS_FROM", traceID: ID, spanID: "a" }] }),
      span({ spanID: "e", parentSpanID: "a" }),
    );
    const parents = ["b", "d", "e"].map((id) => trace.parent[trace.rowOf(id.padStart(16, "0"))]);
    expect(parents).toEqual([0, -1, 0]);
    const links = trace.links(trace.rowOf("b".padStart(16, "0")));
    expect(links.map(({ traceId, spanId }) => [traceId, spanId])).toEqual([
      [ID, "a".padStart(16, "0")],
      [other, "c".padStart(16, "0")],
    ]);
    expect(trace.orphans.length).toBe(0);
  });

  it("shows spans whose process is missing or whose id comes twice, and says so", () => {
    const trace = read(span({}), span({ processID: "p9", startTime: 1_700_000_000_000_005 }));
    expect(trace.count).toBe(2);
    expect(serviceOf(trace, 1)).toBe("missing-service-name");
    expect(trace.warnings(0)).toEqual([]);
    expect(trace.warnings(1)).toEqual([
      'The file has no process "p9", so the service is not known.',
      "Another span before it has the same id.",
    ]);
    expect(trace.flags[1]! & WARNED).toBe(WARNED);
  });

  it("takes numbers that came as texts", () => {
    const trace = read(
      span({ startTime: "1700000000000000", duration: "250" }),
      span({ spanID: "b", startTime: 1_700_000_000_000_100.5, tags: [{ key: "n", value: 3 }] }),
    );
    expect([...trace.start]).toEqual([0, 100_500]);
    expect(trace.duration[0]).toBe(250_000);
    expect(trace.attributes(1)).toEqual([{ key: "n", type: "int", value: "3" }]);
  });

  it("finds texts in names, attributes, events and resources", async () => {
    const trace = read(
      span({ tags: [{ key: "db.system", type: "string", value: "redis" }] }),
      span({
        spanID: "b",
        logs: [{ timestamp: 1, fields: [{ key: "event", value: "cache miss" }] }],
      }),
    );
    expect([...(await trace.find("REDIS"))]).toEqual([0]);
    expect([...(await trace.find('"cache miss"'))]).toEqual([1]);
    expect([...(await trace.find("get"))]).toEqual([0, 1]);
    expect([...(await trace.find("-db redis"))]).toEqual([]);
  });

  it("knows the critical path", () => {
    const trace = read(
      span({ duration: 1000 }),
      span({
        spanID: "b",
        startTime: 1_700_000_000_000_200,
        duration: 300,
        references: [{ refType: "CHILD_OF", traceID: ID, spanID: "eee19b7ec3c1b174" }],
      }),
    );
    expect([...trace.criticalPath.rows]).toEqual([0, 1, 0]);
  });
});
