/** Spans on their way to a collector that is there, absent, slow, refusing, and back again. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { TracerProvider } from "@opentelemetry/sdk-trace";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";

import { createSender } from "../dist/export/delivery.js";
import { ExportProcessor } from "../dist/export/processor.js";
import { resolveSettings } from "../dist/settings/index.js";
import { sleep, startGrpcSink, startHttpSink, type Identity, type Sink } from "./support/sink.js";

let sink: Sink;
const warnings: string[] = [];

beforeEach(() => {
  warnings.length = 0;
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    warnings.push(String(text));
    return true;
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await sink.close();
});

function exporting(environment: Record<string, string> = {}) {
  const settings = resolveSettings(
    {},
    { OTEL_SERVICE_NAME: "shop", OTEL_EXPORTER_OTLP_ENDPOINT: sink.endpoint, ...environment },
  );
  const processor = new ExportProcessor(
    createSender(settings),
    settings.batch,
    settings.timeoutMillis,
    settings.endpoint,
  );
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ "service.name": "shop" }),
    spanProcessors: [processor],
  });
  const tracer = provider.getTracer("test");
  const emit = (count: number): void => {
    for (let index = 0; index < count; index++) tracer.startSpan(`span ${index}`).end();
  };
  return { processor, emit, problems: settings.problems };
}

const PROTOCOLS = [
  ["http/protobuf", startHttpSink, { status: 503 }, { status: 401 }],
  ["grpc", startGrpcSink, { code: 14 }, { code: 16 }],
] as const;

describe.each(PROTOCOLS)("%s", (protocol, startSink, busy, refusing) => {
  const variables = { OTEL_EXPORTER_OTLP_PROTOCOL: protocol };
  beforeEach(async () => {
    sink = await startSink();
  });

  test("delivers all, in batches, over one connection", async () => {
    const { processor, emit } = exporting(variables);
    emit(3000);
    expect(await processor.flush(5000)).toBe(true);
    expect(sink.spans).toHaveLength(3000);
    expect(sink.requests).toBe(3);
    expect(sink.spans[0]!.resource).toEqual({ "service.name": "shop" });
    expect(processor.counts).toEqual({ delivered: 3000, dropped: 0, refused: 0 });
    processor.close();
  });

  test("delivers by itself after the delay", async () => {
    const { processor, emit } = exporting({ ...variables, OTEL_BSP_SCHEDULE_DELAY: "20" });
    emit(1);
    await sink.waitFor(1);
    processor.close();
  });

  test("sends headers, and compresses when asked to", async () => {
    const { processor, emit } = exporting({
      ...variables,
      OTEL_EXPORTER_OTLP_HEADERS: "X-Key=k1",
      OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
    });
    emit(10);
    expect(await processor.flush(5000)).toBe(true);
    expect(sink.headers[0]).toMatchObject({ "x-key": "k1" });
    expect(sink.spans).toHaveLength(10);
    processor.close();
  });

  test("keeps the spans while the collector is busy, and says so once", async () => {
    const { processor, emit } = exporting(variables);
    sink.behaviour = busy;
    emit(5);
    expect(await processor.flush(5000)).toBe(false);
    expect(await processor.flush(5000)).toBe(false);
    expect(warnings).toHaveLength(1);
    sink.behaviour = {};
    expect(await processor.flush(5000)).toBe(true);
    expect(sink.spans).toHaveLength(5);
    expect(warnings).toHaveLength(2);
    expect(warnings[1]).toContain("again");
    processor.close();
  });

  test("drops what the collector will never take, and says what to do", async () => {
    const { processor, emit } = exporting(variables);
    sink.behaviour = refusing;
    emit(5);
    expect(await processor.flush(5000)).toBe(false);
    expect(processor.counts).toEqual({ delivered: 0, dropped: 0, refused: 5 });
    expect(warnings.join()).toContain("OTEL_EXPORTER_OTLP_HEADERS");
    processor.close();
  });

  test("counts a partial success", async () => {
    const { processor, emit } = exporting(variables);
    sink.behaviour = { rejectedSpans: 2 };
    emit(5);
    expect(await processor.flush(5000)).toBe(false);
    expect(processor.counts).toEqual({ delivered: 3, dropped: 0, refused: 2 });
    expect(warnings.join()).toContain("too old");
    processor.close();
  });

  test("keeps the deadline of a flush when the collector is slow", async () => {
    const { processor, emit } = exporting(variables);
    sink.behaviour = { delayMillis: 60_000 };
    emit(1);
    expect(await processor.flush(200)).toBe(false);
    processor.close();
  });

  test("is bounded: what does not fit is counted", async () => {
    const { processor, emit } = exporting({ ...variables, OTEL_BSP_MAX_QUEUE_SIZE: "10" });
    sink.behaviour = busy;
    emit(25);
    expect(processor.counts.dropped).toBe(15);
    expect(warnings.filter((line) => line.includes("dropped"))).toHaveLength(1);
    processor.close();
  });

  test("restarted, the collector gets what was kept, and what was dropped is told", async () => {
    const port = Number(new URL(sink.endpoint).port);
    const { processor, emit } = exporting({ ...variables, OTEL_BSP_MAX_QUEUE_SIZE: "10" });
    emit(2);
    expect(await processor.flush(5000)).toBe(true);
    await sink.close();
    emit(7);
    expect(await processor.flush(5000)).toBe(false);
    emit(18);
    sink = await startSink(port);
    expect(await processor.flush(5000)).toBe(true);
    expect(sink.spans).toHaveLength(10);
    expect(processor.counts).toEqual({ delivered: 12, dropped: 15, refused: 0 });
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toMatch(/spans do not reach .*(clos|reset|refused|lost)/i);
    expect(warnings[1]).toContain("again; 15 were lost");
    processor.close();
  });
});

const GENERAL = "OTEL_EXPORTER_OTLP_ENDPOINT";
const SIGNAL = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";

test.each([
  ["grpc", GENERAL, "127.0.0.1:PORT", "no scheme"],
  ["grpc", SIGNAL, "localhost:PORT", "no scheme"],
  ["grpc", GENERAL, "http://127.0.0.1:PORT/v1/traces", "gRPC has no path"],
  ["grpc", GENERAL, " grpc://127.0.0.1:PORT ", "over gRPC"],
  ["http/protobuf", GENERAL, "127.0.0.1:PORT", "no scheme"],
  ["http/protobuf", GENERAL, "http://127.0.0.1:PORT/", ""],
  ["http/protobuf", GENERAL, "http://127.0.0.1:PORT/v1/traces", ""],
  ["http/protobuf", SIGNAL, "http://127.0.0.1:PORT", "used as it is"],
])("over %s spans arrive where %s is '%s'", async (protocol, variable, written, told) => {
  sink = await (protocol === "grpc" ? startGrpcSink() : startHttpSink());
  const endpoint = written.replace("PORT", new URL(sink.endpoint).port);
  const { processor, emit, problems } = exporting({
    OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
    [variable]: endpoint,
  });
  emit(1);
  expect(await processor.flush(5000)).toBe(true);
  expect(sink.spans).toHaveLength(1);
  expect(problems).toHaveLength(told === "" ? 0 : 1);
  if (told !== "") expect(problems[0]).toMatch(new RegExp(`^${variable}: .*${told}`));
  processor.close();
});

test("gRPC spoken to an HTTP port is named", async () => {
  sink = await startHttpSink();
  const { processor, emit } = exporting({ OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" });
  emit(1);
  expect(await processor.flush(2000)).toBe(false);
  expect(warnings.join()).toMatch(/does not speak gRPC|not gRPC|was closed/);
  await sleep(10);
  processor.close();
});

describe("over TLS", () => {
  const folder = mkdtempSync(join(tmpdir(), "ananta-tls-"));
  const certificate = join(folder, "cert.pem");
  let identity: Identity;
  beforeAll(() => {
    const key = join(folder, "key.pem");
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
    execFileSync(
      "openssl",
      [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-keyout",
        key,
        "-out",
        certificate,
        ...subject,
      ],
      { stdio: "ignore" },
    );
    identity = { key: readFileSync(key), cert: readFileSync(certificate) };
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each([
    ["http/protobuf", () => startHttpSink(0, identity)],
    ["grpc", () => startGrpcSink(0, identity)],
  ])("%s trusts the authority that is named, and no other", async (protocol, startSink) => {
    sink = await startSink();
    const variables = { OTEL_EXPORTER_OTLP_PROTOCOL: protocol };
    const distrusting = exporting(variables);
    distrusting.emit(1);
    expect(await distrusting.processor.flush(2000)).toBe(false);
    expect(warnings.join()).toMatch(/self-signed certificate/);
    distrusting.processor.close();
    const trusting = exporting({ ...variables, OTEL_EXPORTER_OTLP_CERTIFICATE: certificate });
    trusting.emit(3);
    expect(await trusting.processor.flush(5000)).toBe(true);
    expect(sink.spans).toHaveLength(3);
    trusting.processor.close();
  });
});
