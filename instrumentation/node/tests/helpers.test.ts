/** The helpers an application calls, against spans kept in memory. */
import { context, SpanKind, trace, TraceFlags } from "@opentelemetry/api";
import { AssertionError } from "node:assert";
import { afterEach, describe, expect, test } from "vitest";

import {
  addSpanAttributes,
  addSpanEvent,
  coerce,
  createSpan,
  currentTraceId,
  extract,
  initTracing,
  inject,
  logFields,
  recordException,
  startSpan,
  traceFunction,
  withSpan,
} from "../dist/index.js";
import { recordSpans, resetTracing } from "../dist/testing/index.js";

const spans = recordSpans();
afterEach(() => spans.reset());

describe("createSpan", () => {
  test("gives what the function gives, at once or later", async () => {
    expect(createSpan("sync", () => 7)).toBe(7);
    expect(await createSpan("async", { "bom.id": "b" }, async () => 8)).toBe(8);
    spans.assertSpan("sync", { parent: null });
    spans.assertSpan("async", { attributes: { "bom.id": "b" } });
  });

  test("nests, also across awaits and side by side", async () => {
    const leaf = (name: string) =>
      createSpan(name, async () => new Promise((resolve) => setTimeout(resolve, 5)));
    await createSpan("outer", async () => {
      await Promise.all([leaf("left"), leaf("right")]);
      await leaf("after");
    });
    for (const name of ["left", "right", "after"]) spans.assertSpan(name, { parent: "outer" });
    spans.assertNoOrphans();
  });

  test("marks an error and throws the same object", async () => {
    const error = new TypeError("broken");
    expect(() =>
      createSpan("sync", () => {
        throw error;
      }),
    ).toThrow(error);
    await expect(
      createSpan("async", async () => {
        throw error;
      }),
    ).rejects.toBe(error);
    for (const name of ["sync", "async"])
      spans.assertSpan(name, { error: "broken", events: ["exception"] });
    await expect(
      createSpan(
        "quiet",
        {},
        async () => {
          throw error;
        },
        { recordException: false },
      ),
    ).rejects.toBe(error);
    expect(spans.assertSpan("quiet", { error: true }).events).toHaveLength(0);
  });

  test("takes kind, links and root", () => {
    const link = {
      context: {
        traceId: "0af7651916cd43dd8448eb211c80319c",
        spanId: "b7ad6b7169203331",
        traceFlags: TraceFlags.SAMPLED,
      },
    };
    createSpan("outer", () =>
      createSpan("poll", {}, () => {}, { kind: SpanKind.CONSUMER, links: [link], root: true }),
    );
    const span = spans.assertSpan("poll", { parent: null });
    expect([span.kind, span.links[0]!.context.traceId]).toEqual([
      SpanKind.CONSUMER,
      link.context.traceId,
    ]);
  });
});

test("withSpan makes a span active that was started elsewhere, and leaves its end alone", async () => {
  const span = startSpan("provision_tenant", { "tenant.id": "t" });
  await withSpan(span, async () =>
    createSpan("create", () => addSpanEvent("tenant_created", { tenant_id: 5n })),
  );
  expect(spans.spans).toHaveLength(1);
  span.end();
  spans.assertSpan("create", { parent: "provision_tenant", events: ["tenant_created"] });
});

test("what is said of the active span is coerced; without one nothing happens", () => {
  addSpanAttributes({ a: 1 });
  addSpanEvent("e");
  recordException(new Error("x"));
  expect([currentTraceId(), logFields()]).toEqual([undefined, {}]);
  createSpan("span", (span) => {
    addSpanAttributes({ when: new Date(0), nothing: null, price: 12n });
    recordException("handled", { "retry.count": 2 });
    expect(currentTraceId()).toBe(span.spanContext().traceId);
    expect(logFields()).toEqual({
      trace_id: span.spanContext().traceId,
      span_id: span.spanContext().spanId,
      trace_flags: "01",
    });
  });
  const span = spans.assertSpan("span", {
    error: "handled",
    attributes: { when: "1970-01-01T00:00:00+00:00", price: "12", "retry.count": 2 },
  });
  expect(span.attributes).not.toHaveProperty("nothing");
});

describe("traceFunction", () => {
  test("keeps name, length, this, properties and result", async () => {
    const add = traceFunction(
      Object.assign(
        function add(a: number, b: number) {
          return a + b;
        },
        { extra: 1 },
      ),
    );
    expect([add.name, add.length, add.extra, add(1, 2)]).toEqual(["add", 2, 1, 3]);
    const greet = traceFunction("greeting", async function (this: { name: string }) {
      return this.name;
    });
    expect(await greet.call({ name: "ada" })).toBe("ada");
    spans.assertSpan("add");
    spans.assertSpan("greeting");
  });

  test("takes attributes from the arguments, and survives attributes that fail", () => {
    const find = traceFunction(
      { name: "find", attributes: (id: string) => ({ "tenant.id": id }), kind: SpanKind.CLIENT },
      (id: string) => id,
    );
    find("t-1");
    const bad = traceFunction(
      {
        name: "bad",
        attributes: () => {
          throw new Error("no");
        },
      },
      () => 1,
    );
    expect(bad()).toBe(1);
    expect(spans.assertSpan("find", { attributes: { "tenant.id": "t-1" } }).kind).toBe(
      SpanKind.CLIENT,
    );
    spans.assertSpan("bad");
  });

  test("a generator is active in its steps and not in its caller", () => {
    const count = traceFunction(function* count() {
      yield createSpan("first", () => 1);
      yield createSpan("second", () => 2);
    });
    const seen: unknown[] = [];
    for (const value of count()) seen.push([value, trace.getActiveSpan()]);
    expect(seen).toEqual([
      [1, undefined],
      [2, undefined],
    ]);
    for (const name of ["first", "second"]) spans.assertSpan(name, { parent: "count" });
  });

  test("an abandoned async generator has one ended span and leaves the caller clean", async () => {
    const stream = traceFunction("stream", async function* () {
      for (let index = 0; ; index++) yield index;
    });
    for await (const index of stream()) {
      expect(trace.getActiveSpan()).toBeUndefined();
      if (index === 3) break;
    }
    expect(spans.spans.map(({ name }) => name)).toEqual(["stream"]);
    spans.assertNoOrphans();
  });

  test("an error in a generator marks its span", async () => {
    const failing = traceFunction("failing", async function* () {
      yield 1;
      throw new Error("midway");
    });
    await expect(async () => {
      for await (const _ of failing());
    }).rejects.toThrow("midway");
    spans.assertSpan("failing", { error: "midway" });
  });
});

test("inject and extract carry trace and baggage", () => {
  const headers = createSpan("sender", () => inject());
  expect(headers["traceparent"]).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  extract(headers, () => createSpan("receiver", () => {}));
  context.with(extract(headers), () => createSpan("other", () => {}));
  for (const name of ["receiver", "other"]) spans.assertSpan(name, { parent: "sender" });
});

test.each<[string, (text: string) => unknown]>([
  ["Kafka", (text) => Buffer.from(text)],
  ["Kafka, set twice", (text) => [Buffer.from(text), Buffer.from(text)]],
  ["SQS", (StringValue) => ({ StringValue, DataType: "String" })],
  ["SQS in Lambda", (stringValue) => ({ stringValue, dataType: "String" })],
])("extract reads headers as %s has them", (_, wrap) => {
  const { traceparent } = createSpan("sender", () => inject());
  extract({ traceparent: wrap(traceparent!) }, () => createSpan("receiver", () => {}));
  spans.assertSpan("receiver", { parent: "sender" });
});

test.each<[string, unknown]>([
  ["null", null],
  ["a number", 1],
  ["null in a list", [null]],
  ["another object", Object.create(null)],
  ["bytes of SQS", { DataType: "Binary", BinaryValue: Buffer.from("00") }],
])("extract takes %s for no context", (_, traceparent) => {
  extract({ traceparent, tracestate: [undefined, "a=b"] }, () => createSpan("alone", () => {}));
  spans.assertSpan("alone", { parent: null });
});

describe("coercion: the zoo of the Python package", () => {
  class Money {
    constructor(readonly amount: string) {}
    toString() {
      return this.amount;
    }
  }
  class Part {
    readonly mpn = "R1";
    readonly pins = [1, 2];
  }
  const cyclic: Record<string, unknown> = {};
  cyclic["self"] = cyclic;
  test.each<[name: string, value: unknown, expected: unknown]>([
    ["text", "a", "a"],
    ["number", 1.5, 1.5],
    ["truth", false, false],
    ["bigint", 2n ** 70n, "1180591620717411303424"],
    ["date", new Date(Date.UTC(2026, 0, 31)), "2026-01-31T00:00:00+00:00"],
    [
      "date with milliseconds",
      new Date(Date.UTC(2026, 0, 31, 1, 2, 3, 45)),
      "2026-01-31T01:02:03.045000+00:00",
    ],
    ["bytes of text", Buffer.from("grün"), "grün"],
    ["other bytes", Uint8Array.of(0xff), "/w=="],
    ["list", ["a", "b"], ["a", "b"]],
    ["set", new Set(["b", "a"]), ["a", "b"]],
    ["set of numbers", new Set([10, 9]), [9, 10]],
    ["mixed list", [1, "a", true], ["1", "a", "true"]],
    ["list with null", ["a", null], ["a", ""]],
    ["list of bigint", [1n, 2n], ["1", "2"]],
    ["empty list", [], []],
    ["nested list", [[1], "a"], '[[1], "a"]'],
    ["list of objects", [{ a: 1 }], '[{"a": 1}]'],
    [
      "object",
      { mpn: "R1", price: null, sub: { n: 1 } },
      '{"mpn": "R1", "price": null, "sub": {"n": 1}}',
    ],
    ["map", new Map([["a", 1]]), '{"a": 1}'],
    ["class instance", new Part(), '{"mpn": "R1", "pins": [1, 2]}'],
    ["decimal", new Money("1.50"), "1.50"],
    ["URL", new URL("http://h/p"), "http://h/p"],
    ["error", new TypeError("bad"), "TypeError: bad"],
    ["symbol", Symbol("s"), "s"],
    ["function", function go() {}, "<function go>"],
    ["typed numbers", Float64Array.of(1, 2.5), [1, 2.5]],
  ])("%s", (_name, value, expected) => {
    expect(coerce({ value })).toEqual({ value: expected });
  });

  test("null and undefined are left out, long values are cut, cycles and broken values stay texts", () => {
    expect(coerce({ a: null, b: undefined })).toEqual({});
    expect(String(coerce({ a: { x: "y".repeat(9000) } })["a"])).toHaveLength(4096);
    expect(String(coerce({ cyclic })["cyclic"])).toContain("…");
    const broken = {
      toJSON() {
        throw new RangeError("no");
      },
    };
    expect(coerce({ broken })).toEqual({ broken: "<Object: could not be shown: RangeError>" });
  });
});

describe("the recorder", () => {
  test("draws the tree where an assertion fails", () => {
    createSpan("outer", { "tenant.id": "t" }, () =>
      createSpan("inner", () => addSpanEvent("milestone")),
    );
    expect(() => spans.assertSpan("inner", { parent: null })).toThrow(AssertionError);
    expect(() => spans.assertSpan("missing")).toThrow(
      /no span is named "missing"\n\nouter .* ms \{tenant.id="t"\}\n└─ inner .* ms !milestone\n/,
    );
    expect(() => spans.assertSpan("outer", { attributes: { "tenant.id": "x" } })).toThrow(
      /tenant.id is "t", not "x"/,
    );
  });

  test("finds spans that never ended and parents that are missing", () => {
    const open = startSpan("open");
    withSpan(open, () => createSpan("child", () => {}));
    expect(() => spans.assertNoOrphans()).toThrow(/spans have not ended: open/);
    open.end();
    spans.assertNoOrphans();
    const forgotten = trace.wrapSpanContext({
      traceId: "1".repeat(32),
      spanId: "2".repeat(16),
      traceFlags: 1,
    });
    withSpan(forgotten, () => createSpan("orphan", () => {}));
    expect(() => spans.assertNoOrphans()).toThrow(/parents of these spans are missing: orphan/);
  });

  test("finds secrets, known ones and what looks like one", () => {
    createSpan("login", { "user.name": "ada" }, () => {});
    spans.assertNoSecrets("hunter2");
    createSpan("login", { note: "tried hunter2" }, () => {});
    expect(() => spans.assertNoSecrets("hunter2")).toThrow(/holds a secret in attribute note/);
    spans.reset();
    createSpan("call", { url: "http://h/?token=abcdef" }, () => {});
    expect(() => spans.assertNoSecrets()).toThrow(/holds a secret in attribute url/);
  });
});

test("initTracing a second time keeps the first and warns where it differs", () => {
  const first = recordedInit();
  expect(initTracing({ ...options })).toBe(first.handle);
  expect(first.warnings).toHaveLength(0);
  expect(initTracing({ serviceName: "b", handleSignals: false })).toBe(first.handle);
  expect(first.warnings).toHaveLength(1);
  first.restore();
  resetTracing();
});

const options = { serviceName: "a", handleSignals: false, resourceAttributes: { big: 2n } };

function recordedInit() {
  resetTracing();
  const warnings: string[] = [];
  const { write } = process.stderr;
  process.stderr.write = (text: string) => warnings.push(text) > 0;
  const handle = initTracing(options);
  return { handle, warnings, restore: () => void (process.stderr.write = write) };
}
