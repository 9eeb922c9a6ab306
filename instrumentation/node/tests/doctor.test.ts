/** The doctor names planted faults and says what to change. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

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

function doctor(
  args: string[],
  env: Record<string, string> = {},
  cwd = tmpdir(),
): Promise<Diagnosis> {
  const child = spawn(process.execPath, [`${PACKAGE}dist/doctor/cli.js`, ...args], {
    cwd,
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
    "wrong path",
    () => ((http.behaviour = { status: 404 }), { OTEL_EXPORTER_OTLP_ENDPOINT: http.endpoint }),
    /FAIL  span: .*404.*OTEL_EXPORTER_OTLP_ENDPOINT/,
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

test("a clock that is wrong", async () => {
  const late = createServer((request, response) => {
    response.setHeader("date", new Date(Date.now() - 3_600_000).toUTCString());
    request.resume().on("end", () => response.end());
  });
  await new Promise<void>((resolve) => late.listen(0, "127.0.0.1", resolve));
  const { port } = late.address() as AddressInfo;
  const { status, text } = await doctor(["doctor", "--endpoint", `http://127.0.0.1:${port}`]);
  late.closeAllConnections();
  late.close();
  expect(text).toMatch(/FAIL {2}clock: the collector's differs by -360\d s\n.*synchronise/);
  expect(status).toBe(1);
  const { text: healthy } = await doctor(["doctor", "--endpoint", http.endpoint]);
  expect(healthy).toContain("clock: agrees");
});

test("what is installed beside it: copies of the API, and native modules without the hook", async () => {
  const project = mkdtempSync(join(tmpdir(), "ananta-doctor-"));
  for (const [folder, version] of [
    ["node_modules/@opentelemetry/api", "1.9.0"],
    ["node_modules/other/node_modules/@opentelemetry/api", "1.4.1"],
  ] as const) {
    mkdirSync(join(project, folder), { recursive: true });
    writeFileSync(join(project, folder, "package.json"), JSON.stringify({ version }));
  }
  writeFileSync(join(project, "package.json"), JSON.stringify({ type: "module" }));
  const args = ["doctor", "--endpoint", http.endpoint];
  const { text } = await doctor(args, {}, project);
  expect(text).toMatch(/warn {2}@opentelemetry\/api: is installed 2 times: .*1\.4\.1/);
  expect(text).toMatch(/warn {2}native modules: .*\n.*--import @ananta\/tracing\/register/);
  const hook = "--import @ananta/tracing/register";
  writeFileSync(
    join(project, "package.json"),
    JSON.stringify({ type: "module", scripts: { start: `node ${hook} app.js` } }),
  );
  expect((await doctor(args, {}, project)).text).not.toContain("native modules");
  rmSync(project, { recursive: true });
});

test("what may surprise: who decides on sampling, no X-Ray daemon, nothing exported", async () => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: http.endpoint };
  const sampled = await doctor(["doctor"], {
    ...endpoint,
    OTEL_TRACES_SAMPLER: "traceidratio",
    OTEL_TRACES_SAMPLER_ARG: "0.5",
  });
  expect(sampled.text).toContain("OTEL_TRACES_SAMPLER holds unless the code passes samplingRatio");
  expect(sampled.text).toMatch(/warn {2}sampler: .*\n.*parentbased_traceidratio/);
  const xray = await doctor(["doctor"], {
    ...endpoint,
    OTEL_TRACES_SAMPLER: "xray",
    OTEL_TRACES_SAMPLER_ARG: "endpoint=http://127.0.0.1:9",
  });
  expect(xray.text).toMatch(/warn {2}X-Ray: .*\n.*start the X-Ray daemon/);
  const { text } = await doctor(["doctor"], { ...endpoint, OTEL_TRACES_EXPORTER: "none" });
  expect(text).toMatch(/warn {2}export: .*\n.*OTEL_TRACES_EXPORTER=otlp/);
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
