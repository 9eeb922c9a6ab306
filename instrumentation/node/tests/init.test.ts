/** Setting up: never an exception, one line for each bad value, one provider, no secret sent. */
import { context, propagation, SpanStatusCode, trace } from "@opentelemetry/api";
import { ExpressInstrumentation } from "@opentelemetry/instrumentation-express";
import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import {
  createSpan,
  currentTraceId,
  flushTracing,
  initTracing,
  inject,
  TracingSettingsError,
} from "../dist/index.js";
import { currentState } from "../dist/state.js";
import { temporalPlugin } from "../dist/temporal.js";
import { resetTracing } from "../dist/testing/index.js";
import { start } from "./support/program.js";
import { startHttpSink, type Sink } from "./support/sink.js";

let sink: Sink;
const warnings: string[] = [];
beforeEach(async () => {
  sink = await startHttpSink();
  warnings.length = 0;
  vi.spyOn(process.stderr, "write").mockImplementation((text) => warnings.push(String(text)) > 0);
  vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.endpoint);
});
afterEach(async () => {
  resetTracing();
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await sink.close();
});

const options = {
  serviceName: "shop",
  environment: "test",
  handleSignals: false,
  instrument: false,
} as const;

test.each([
  ["OTEL_TRACES_SAMPLER", "Always_On "],
  ["OTEL_TRACES_SAMPLER", "nosuch"],
  ["OTEL_PROPAGATORS", "nosuch"],
  ["OTEL_EXPORTER_OTLP_TIMEOUT", "10s"],
  ["OTEL_EXPORTER_OTLP_COMPRESSION", "zip"],
  ["OTEL_TRACES_EXPORTER", "otlp,nosuch"],
  ["OTEL_RESOURCE_ATTRIBUTES", "a=1,b"],
  ["OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "many"],
  ["OTEL_BSP_MAX_QUEUE_SIZE", "0"],
  ["OTEL_SDK_DISABLED", "perhaps"],
])("%s='%s' costs a line, not the spans", async (variable, value) => {
  vi.stubEnv(variable, value);
  initTracing(options);
  createSpan("works", () => {});
  expect(await flushTracing()).toBe(true);
  expect(sink.named("works")).toHaveLength(1);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatch(new RegExp(`^\\[ananta-tracing\\] ${variable}: [^\\n]+\\n$`));
});

test("a ratio in percent is read and told", async () => {
  vi.stubEnv("OTEL_TRACES_SAMPLER", "traceidratio");
  vi.stubEnv("OTEL_TRACES_SAMPLER_ARG", "10%");
  initTracing(options);
  for (let index = 0; index < 1000; index++) createSpan("s", () => {});
  expect(await flushTracing()).toBe(true);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain("OTEL_TRACES_SAMPLER_ARG: '10%' is read as 0.1; write 0.1");
  // 100 expected; ten standard deviations are 95 more.
  expect(sink.spans.length).toBeGreaterThan(0);
  expect(sink.spans.length).toBeLessThan(200);
});

test("every bad value at once: it starts, spans arrive, and each has one line", async () => {
  vi.stubEnv("OTEL_TRACES_SAMPLER", "nosuch");
  vi.stubEnv("OTEL_PROPAGATORS", "tracecontext,nope");
  vi.stubEnv("OTEL_EXPORTER_OTLP_COMPRESSION", "zip");
  vi.stubEnv("OTEL_EXPORTER_OTLP_TIMEOUT", "10s");
  initTracing({ ...options, samplingRatio: 5 });
  expect(warnings).toHaveLength(5);
  for (const line of warnings) expect(line).toMatch(/^\[ananta-tracing\] [^\n]+\n$/);
  createSpan("works", () => expect(currentTraceId()).toHaveLength(32));
  expect(await flushTracing()).toBe(true);
  expect(sink.named("works")).toHaveLength(1);
});

test("a PEM file that cannot be read costs the export, and is named", () => {
  vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", "https://localhost:4318");
  vi.stubEnv("OTEL_EXPORTER_OTLP_CERTIFICATE", "/no/such/file.pem");
  initTracing(options);
  createSpan("works", () => expect(currentTraceId()).toHaveLength(32));
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain("/no/such/file.pem");
});

test("an instrumentation with a wrong name is told", () => {
  initTracing({ ...options, instrument: ["expres"] });
  expect(warnings.join()).toContain("no instrumentation is named expres; known are http, ");
});

test("strict throws them all, and sets nothing up", () => {
  vi.stubEnv("OTEL_TRACES_SAMPLER", "nosuch");
  expect(() => initTracing({ ...options, samplingRatio: 5, strict: true })).toThrow(
    TracingSettingsError,
  );
  expect(currentState()).toBeUndefined();
});

test("an object of another kind than expected costs tracing, not the application", () => {
  initTracing({
    ...options,
    resourceAttributes: 7 as never,
    headers: "x" as never,
    spanProcessors: 3 as never,
  });
  expect(createSpan("goes on", () => 1)).toBe(1);
  expect(warnings.join()).toContain("tracing could not be set up");
});

test("disabled: spans cost nothing and the caller's trace is still handed on", async () => {
  vi.stubEnv("OTEL_SDK_DISABLED", "true");
  initTracing(options);
  createSpan("none", (span) =>
    expect([span.isRecording(), currentTraceId()]).toEqual([false, undefined]),
  );
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const carried = propagation.extract(context.active(), { traceparent });
  expect(context.with(carried, () => inject())).toEqual({ traceparent });
  expect(await flushTracing()).toBe(true);
  expect(sink.requests).toBe(0);
});

test("the helpers work before initTracing, and through a tracer that was got before it", async () => {
  const early = trace.getTracer("early");
  expect(createSpan("before", () => 1)).toBe(1);
  initTracing(options);
  early.startSpan("by the early tracer").end();
  createSpan("after", () => {});
  expect(await flushTracing()).toBe(true);
  expect(sink.spans.map(({ name }) => name)).toEqual(["by the early tracer", "after"]);
});

test("a provider somebody else registered is joined", async () => {
  const theirs = new InMemorySpanExporter();
  trace.setGlobalTracerProvider(
    new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: theirs })] }),
  );
  initTracing(options);
  createSpan("shared", () => {});
  expect(await flushTracing()).toBe(true);
  expect(theirs.getFinishedSpans().map(({ name }) => name)).toEqual(["shared"]);
  expect(sink.spans.map(({ name }) => name)).toEqual(["shared"]);
  expect(warnings).toHaveLength(1);
});

test("an exporter of one's own takes the place of OTLP", async () => {
  const exporter = new InMemorySpanExporter();
  initTracing({ ...options, traceExporter: exporter });
  createSpan("own", { password: "hunter2" }, () => {});
  expect(await flushTracing()).toBe(true);
  expect(exporter.getFinishedSpans().map(({ attributes }) => attributes)).toEqual([
    { password: "[REDACTED]" },
  ]);
  expect(sink.requests).toBe(0);
});

test("an instrumentation that is given takes the place of ours", () => {
  initTracing({
    ...options,
    instrument: ["express", "pg"],
    instrumentations: [new ExpressInstrumentation()],
  });
  const states = Object.fromEntries(
    currentState()!.libraries.map(({ name, state }) => [name, state]),
  );
  expect(states).toMatchObject({ express: "given", pg: "instrumented", redis: "disabled" });
});

test("the resource says who sends", async () => {
  initTracing({
    ...options,
    serviceVersion: "1.2",
    resourceAttributes: { "team.size": 3n, tags: new Set(["b", "a"]) },
  });
  createSpan("x", () => {});
  await flushTracing();
  expect(sink.spans[0]!.resource).toMatchObject({
    "service.name": "shop",
    "service.version": "1.2",
    "deployment.environment": "test",
    "deployment.environment.name": "test",
    "telemetry.sdk.language": "nodejs",
    "process.pid": process.pid,
    "team.size": "3",
    tags: ["a", "b"],
  });
});

describe("redaction", () => {
  const SECRETS: [name: string, attributes: Record<string, unknown>][] = [
    [
      "key",
      {
        "user.password": "hunter2",
        apiKey: "hunter2",
        accessToken: "hunter2",
        "x-api-key": ["hunter2"],
        "db.session_token": "hunter2",
      },
    ],
    [
      "query",
      {
        "url.query": "a=1&token=hunter2&AWSAccessKeyId=hunter2",
        "url.full": "http://u:hunter2@h/p?sig=hunter2",
      },
    ],
    [
      "header",
      {
        "http.request.header.authorization": ["Bearer hunter2hunter2"],
        "http.request.header.cookie": ["id=hunter2"],
      },
    ],
    [
      "sql",
      {
        "db.query.text":
          "SELECT * FROM t WHERE a = 'hunter2' AND b = E'hunter2\\'' AND c = $$hunter2$$",
      },
    ],
    [
      "text",
      {
        note: 'login failed: {"password": "hunter2"}',
        words: 'refused: {"passphrase": "as \\"long\\" as hunter2"}',
        open: "password='never closed, hunter2",
        other: "Authorization: Basic hunter2hunter2",
      },
    ],
  ];

  test.each(SECRETS)("in a %s", async (_place, attributes) => {
    initTracing(options);
    createSpan("call password=hunter2", attributes, (span) => {
      span.addEvent("token=hunter2", attributes as never);
      span.recordException(new Error("cannot log in with pwd=hunter2"));
      span.setStatus({ code: SpanStatusCode.ERROR, message: "secret: hunter2" });
    });
    await flushTracing();
    expect(sink.spans).toHaveLength(1);
    expect(Buffer.concat(sink.bodies).includes("hunter2")).toBe(false);
  });

  test("what is no secret stays as it is", async () => {
    const attributes = {
      "bom.id": "b-1",
      keyboard: "us",
      "author.name": "ada",
      note: "the token was refreshed",
      "monkey.count": 2,
      "usage.token": 5,
      "session.id": "s-1",
      "db.query.text": 'SELECT "col 5" FROM tenants2 WHERE id = $1',
      "url.full": "http://h:80/p?page=2",
      "messaging.id": "a@b",
    };
    initTracing(options);
    createSpan("plain", attributes, () => {});
    await flushTracing();
    expect(sink.spans[0]!.attributes).toEqual(attributes);
  });

  test("a function of one's own comes last, and fails closed", async () => {
    const redact = (text: string, key: string): string => {
      if (key === "bad") throw new Error("no");
      return text.replace("ada", "***");
    };
    initTracing({ ...options, redact });
    createSpan("x", { name: "ada", bad: "anything", password: "p" }, () => {});
    await flushTracing();
    expect(sink.spans[0]!.attributes).toEqual({
      name: "***",
      bad: "[REDACTED]",
      password: "[REDACTED]",
    });
  });

  test("takes time in proportion to the text", async () => {
    const long = [
      "a.".repeat(50_000),
      "key".repeat(30_000),
      "//" + "a:".repeat(50_000),
      "'".repeat(99_999),
    ];
    initTracing(options);
    createSpan("long", { long, "db.query.text": long.join(" token ") }, () => {});
    await flushTracing();
    expect(sink.spans[0]!.attributes["long"]).toEqual(long);
  });

  test("can be left off", async () => {
    initTracing({ ...options, redact: false });
    createSpan("x", { password: "p" }, () => {});
    await flushTracing();
    expect(sink.spans[0]!.attributes).toEqual({ password: "p" });
  });
});

test("each process of a cluster and each worker thread sends its own spans", async () => {
  const ended = await start("workers.cjs", sink.endpoint).ended;
  expect(ended).toMatchObject({ code: 0, stderr: "" });
  expect(sink.spans.map(({ name }) => name).sort()).toEqual([
    "cluster 1",
    "cluster 2",
    "main",
    "thread",
  ]);
  expect(new Set(sink.spans.map(({ resource }) => resource["service.instance.id"])).size).toBe(4);
});

test("Temporal without its package says what to install", () => {
  expect(() => temporalPlugin()).toThrow("npm install @temporalio/interceptors-opentelemetry-v2");
});
