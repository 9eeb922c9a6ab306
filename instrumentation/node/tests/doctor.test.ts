/** The doctor names planted faults and says what to change. */
import { spawn } from "node:child_process";
import { tmpdir } from "node:os";

import { afterEach, beforeEach, expect, test } from "vitest";

import { PACKAGE } from "./support/program.js";
import { startGrpcSink, startHttpSink, type Sink } from "./support/sink.js";

let http: Sink;
let grpc: Sink;
beforeEach(async () => {
  [http, grpc] = await Promise.all([startHttpSink(), startGrpcSink()]);
});
afterEach(() => Promise.all([http.close(), grpc.close()]));

interface Diagnosis {
  status: number | null;
  text: string;
}

function doctor(args: string[], env: Record<string, string> = {}): Promise<Diagnosis> {
  const child = spawn(process.execPath, [`${PACKAGE}dist/doctor/cli.js`, ...args], {
    cwd: tmpdir(),
    env: { PATH: process.env["PATH"], OTEL_SERVICE_NAME: "shop", ...env },
  });
  let text = "";
  child.stdout.on("data", (chunk) => (text += chunk));
  child.stderr.on("data", (chunk) => (text += chunk));
  return new Promise((resolve) => child.on("close", (status) => resolve({ status, text })));
}

test.each([
  ["http/protobuf", () => http],
  ["grpc", () => grpc],
])("all is well over %s: a span arrives", async (protocol, sink) => {
  const { status, text } = await doctor([
    "doctor",
    "--endpoint",
    sink().endpoint,
    "--protocol",
    protocol,
  ]);
  expect(text).toContain("a test span was taken");
  expect(status).toBe(0);
  expect(sink().spans).toMatchObject([{ name: "doctor", resource: { "service.name": "shop" } }]);
});

test("shows each setting with its origin, and no secret", async () => {
  const { text } = await doctor(["doctor"], {
    OTEL_EXPORTER_OTLP_ENDPOINT: http.endpoint,
    OTEL_EXPORTER_OTLP_HEADERS: "x-api-key=hunter2",
    NODE_ENV: "production",
  });
  expect(text).toContain(`endpoint: ${http.endpoint}/v1/traces  [OTEL_EXPORTER_OTLP_ENDPOINT]`);
  expect(text).toContain("sampler: parentbased_traceidratio 0.1  [preset production]");
  expect(text).toMatch(/sampler: \d+\.\d % of 1000 new traces are kept/);
  expect(text).toContain("x-api-key (values not shown)");
  expect(text).not.toContain("hunter2");
});

test.each<[fault: string, env: () => Record<string, string>, expected: RegExp]>([
  [
    "nothing listens",
    () => ({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9" }),
    /FAIL  port: .*ECONNREFUSED.*\n.*start the collector/,
  ],
  [
    "unknown host",
    () => ({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://no-such-host.invalid:4318" }),
    /FAIL  name: .*\n.*correct the host/,
  ],
  [
    "gRPC on an HTTP port",
    () => ({ OTEL_EXPORTER_OTLP_ENDPOINT: http.endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }),
    /FAIL  span: .*\n.*OTEL_EXPORTER_OTLP_PROTOCOL=http\/protobuf/,
  ],
  [
    "HTTP on a gRPC port",
    () => ({ OTEL_EXPORTER_OTLP_ENDPOINT: grpc.endpoint }),
    /FAIL  span: .*\n.*OTEL_EXPORTER_OTLP_PROTOCOL=grpc/,
  ],
  [
    "TLS where there is none",
    () => ({ OTEL_EXPORTER_OTLP_ENDPOINT: http.endpoint.replace("http:", "https:") }),
    /FAIL  TLS: .*\n.*write http:/,
  ],
  [
    "unreadable endpoint",
    () => ({ OTEL_EXPORTER_OTLP_ENDPOINT: "ftp://h" }),
    /FAIL  endpoint: cannot be read/,
  ],
  [
    "wrong credentials",
    () => ((http.behaviour = { status: 401 }), { OTEL_EXPORTER_OTLP_ENDPOINT: http.endpoint }),
    /FAIL  span: .*401; set OTEL_EXPORTER_OTLP_HEADERS/,
  ],
  [
    "spans refused",
    () => ((http.behaviour = { rejectedSpans: 1 }), { OTEL_EXPORTER_OTLP_ENDPOINT: http.endpoint }),
    /FAIL  span: the collector refused it: too old/,
  ],
  [
    "tracing off",
    () => ({ OTEL_SDK_DISABLED: "true", OTEL_EXPORTER_OTLP_ENDPOINT: http.endpoint }),
    /FAIL  OTEL_SDK_DISABLED/,
  ],
  [
    "nothing sampled",
    () => ({ OTEL_TRACES_SAMPLER: "always_off", OTEL_EXPORTER_OTLP_ENDPOINT: http.endpoint }),
    /FAIL  sampler: 0.0 %/,
  ],
])("fault: %s", async (_fault, env, expected) => {
  const { status, text } = await doctor(["doctor"], env());
  expect(text).toMatch(expected);
  expect(status).toBe(1);
});

test("bad values are warnings, and propagators that stop a trace too", async () => {
  const { status, text } = await doctor(["doctor"], {
    OTEL_EXPORTER_OTLP_ENDPOINT: http.endpoint,
    OTEL_TRACES_SAMPLER: "nosuch",
    OTEL_PROPAGATORS: "none",
    OTEL_NODE_DISABLED_INSTRUMENTATIONS: "expres",
  });
  expect(text).toContain("warn  OTEL_TRACES_SAMPLER: unknown sampler 'nosuch'");
  expect(text).toContain("warn  propagators: none");
  expect(text).toContain("warn  instrumentations: 'expres' is none");
  expect(status).toBe(0);
});

test("says how it is used", async () => {
  expect(await doctor([])).toMatchObject({
    status: 2,
    text: expect.stringContaining("Usage: npx @ananta/tracing doctor"),
  });
  expect(await doctor(["--help"])).toMatchObject({ status: 0 });
  expect(await doctor(["doctor", "--nonsense"])).toMatchObject({ status: 2 });
  const { text } = await doctor(["doctor", "--json", "--endpoint", http.endpoint]);
  expect(JSON.parse(text)).toContainEqual(
    expect.objectContaining({ state: "ok", subject: "span" }),
  );
});
