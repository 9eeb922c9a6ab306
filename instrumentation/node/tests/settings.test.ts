/** Every trap of the environment: mended or refused, told in one line, and never an exception. */
import { describe, expect, test } from "vitest";

import { resolveSettings } from "../dist/settings/index.js";

const NAMED = { OTEL_SERVICE_NAME: "shop" };

function settings(environment: Record<string, string> = {}, options = {}) {
  return resolveSettings(options, { ...NAMED, ...environment });
}

describe("endpoints", () => {
  const general = "OTEL_EXPORTER_OTLP_ENDPOINT";
  const signal = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
  test.each<
    [environment: Record<string, string>, endpoint: string, protocol: string, problem: string]
  >([
    [{}, "http://localhost:4318/v1/traces", "http/protobuf", ""],
    [{ [general]: "" }, "http://localhost:4318/v1/traces", "http/protobuf", ""],
    [{ [general]: "http://h:4318" }, "http://h:4318/v1/traces", "http/protobuf", ""],
    [{ [general]: " http://h:4318/ " }, "http://h:4318/v1/traces", "http/protobuf", ""],
    [{ [general]: "http://h:4318/v1/traces" }, "http://h:4318/v1/traces", "http/protobuf", ""],
    [{ [general]: "http://h:4318/otlp" }, "http://h:4318/otlp/v1/traces", "http/protobuf", ""],
    [{ [general]: "http://otel-collector:4317" }, "http://otel-collector:4317", "grpc", ""],
    [{ [general]: "https://h:4317" }, "https://h:4317", "grpc", ""],
    [{ [general]: "http://h:4317/v1/traces" }, "http://h:4317", "grpc", "gRPC has no path"],
    [
      { [general]: "collector:4317" },
      "http://collector:4317",
      "grpc",
      "has no scheme and is read as http://collector:4317",
    ],
    [
      { [general]: "otel.example.com:4317" },
      "https://otel.example.com:4317",
      "grpc",
      "is read as https://",
    ],
    [
      { [general]: "otel.example.com:4317", OTEL_EXPORTER_OTLP_INSECURE: "true" },
      "http://otel.example.com:4317",
      "grpc",
      "is read as http://",
    ],
    [{ [general]: "grpc://h:4317" }, "http://h:4317", "grpc", "is read as http://h:4317 over gRPC"],
    [{ [general]: "http://" }, "", "http/protobuf", "is not a URL, so no span is sent"],
    [{ [general]: "http://h:99999" }, "", "http/protobuf", "is not a URL"],
    [{ [general]: "ftp://h:4318" }, "", "http/protobuf", "is not a URL"],
    [{ [general]: "http://h h:4318" }, "", "http/protobuf", "is not a URL"],
    [
      { [signal]: "http://h:4318" },
      "http://h:4318/v1/traces",
      "http/protobuf",
      "this variable is used as it is",
    ],
    [{ [signal]: "http://h:4318/custom" }, "http://h:4318/custom", "http/protobuf", ""],
    [
      { [signal]: "http://a:4318/v1/traces", [general]: "http://b:4318" },
      "http://a:4318/v1/traces",
      "http/protobuf",
      "",
    ],
    [
      { [general]: "http://h:4317", OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf" },
      "http://h:4317/v1/traces",
      "http/protobuf",
      "port 4317 usually speaks grpc",
    ],
    [
      { [general]: "http://h:4318", OTEL_EXPORTER_OTLP_PROTOCOL: "GRPC" },
      "http://h:4318",
      "grpc",
      "port 4318 usually speaks http/protobuf",
    ],
    [
      { OTEL_EXPORTER_OTLP_PROTOCOL: "soap" },
      "http://localhost:4318/v1/traces",
      "http/protobuf",
      "unknown protocol 'soap'",
    ],
    [
      { JAEGER_ENDPOINT: "http://jaeger:14268/api/traces" },
      "http://jaeger:4318/v1/traces",
      "http/protobuf",
      "Jaeger takes OTLP now",
    ],
    [
      { JAEGER_ENDPOINT: "http://jaeger:14268/api/traces", [general]: "http://h:4317" },
      "http://h:4317",
      "grpc",
      "",
    ],
  ])("%j", (environment, endpoint, protocol, problem) => {
    const found = settings(environment);
    expect(found).toMatchObject({ endpoint, protocol });
    if (problem === "") expect(found.problems).toEqual([]);
    else expect(found.problems.join("\n")).toContain(problem);
    for (const line of found.problems) expect(line).not.toContain("\n");
  });

  test("a password in the URL is sent as a header and never shown", () => {
    const found = settings({ [general]: "https://user:hunter2@h:4318" });
    expect(found.endpoint).toBe("https://h:4318/v1/traces");
    expect(found.headers["authorization"]).toBe(
      `Basic ${Buffer.from("user:hunter2").toString("base64")}`,
    );
    const wrong = settings({ [general]: "ftp://user:hunter2@h" });
    expect(wrong.problems.join()).not.toContain("hunter2");
  });
});

describe("samplers", () => {
  test.each<[environment: Record<string, string>, sampler: string, problem: string]>([
    [{ OTEL_TRACES_SAMPLER: "always_on" }, "always_on", ""],
    [{ OTEL_TRACES_SAMPLER: "Always_On " }, "always_on", "'Always_On ' is read as always_on"],
    [
      { OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.1" },
      "traceidratio 0.1",
      "",
    ],
    [
      { OTEL_TRACES_SAMPLER: "parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG: "10%" },
      "parentbased_traceidratio 0.1",
      "'10%' is read as 0.1",
    ],
    [
      { OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "2" },
      "traceidratio 1",
      "'2' is not a ratio from 0 to 1 (write 0.02 for 2 %)",
    ],
    [{ OTEL_TRACES_SAMPLER: "traceidratio" }, "traceidratio 1", "has no ratio"],
    [{ OTEL_TRACES_SAMPLER: "nosuch" }, "parentbased_always_on", "unknown sampler 'nosuch'"],
    [{ OTEL_TRACES_SAMPLER: "alwayson" }, "parentbased_always_on", "did you mean always_on?"],
    [
      { OTEL_TRACES_SAMPLER: "xray", OTEL_TRACES_SAMPLER_ARG: "endpoint=http://d:2000" },
      "xray endpoint=http://d:2000",
      "",
    ],
    [{ NODE_ENV: "production" }, "parentbased_traceidratio 0.1", ""],
    [{ NODE_ENV: "staging" }, "parentbased_traceidratio 0.5", ""],
    [{ NODE_ENV: "test" }, "parentbased_always_on", ""],
    [
      { DEPLOYMENT_ENVIRONMENT: "prod", NODE_ENV: "development" },
      "parentbased_traceidratio 0.1",
      "",
    ],
    [
      { NODE_ENV: "production", AWS_XRAY_DAEMON_ADDRESS: "localhost:2000" },
      "xray endpoint=localhost:2000",
      "",
    ],
    [{ NODE_ENV: "production", OTEL_TRACES_SAMPLER: "always_on" }, "always_on", ""],
  ])("%j", (environment, sampler, problem) => {
    const found = settings(environment);
    expect(String(found.sampler)).toBe(sampler);
    expect(found.problems).toHaveLength(problem === "" ? 0 : 1);
    expect(found.problems.join()).toContain(problem);
  });

  test("an option wins over the variable, and the origin says so", () => {
    const found = settings({ OTEL_TRACES_SAMPLER: "always_off" }, { samplingRatio: 0.25 });
    expect(String(found.sampler)).toBe("parentbased_traceidratio 0.25");
    expect(found.origins["sampler"]).toBe("option samplingRatio (over OTEL_TRACES_SAMPLER)");
    const bad = settings({ OTEL_TRACES_SAMPLER: "always_off" }, { samplingRatio: 7 });
    expect(String(bad.sampler)).toBe("always_off");
    expect(bad.problems).toHaveLength(1);
  });
});

describe("numbers and lists", () => {
  test.each<[environment: Record<string, string>, expected: object, problems: number]>([
    [{ OTEL_EXPORTER_OTLP_TIMEOUT: "500" }, { timeoutMillis: 500 }, 0],
    [{ OTEL_EXPORTER_OTLP_TIMEOUT: "10s" }, { timeoutMillis: 10_000 }, 1],
    [{ OTEL_EXPORTER_OTLP_TIMEOUT: "10" }, { timeoutMillis: 10_000 }, 1],
    [{ OTEL_EXPORTER_OTLP_TIMEOUT: "soon" }, { timeoutMillis: 10_000 }, 1],
    [{ OTEL_EXPORTER_OTLP_COMPRESSION: "GZIP" }, { compression: "gzip" }, 0],
    [{ OTEL_EXPORTER_OTLP_COMPRESSION: "zip" }, { compression: "none" }, 1],
    [{ OTEL_EXPORTER_OTLP_HEADERS: "a=1,broken,b=x%20y" }, { headers: { a: "1", b: "x y" } }, 1],
    [
      { OTEL_RESOURCE_ATTRIBUTES: "team=core,broken,tier=1" },
      { resourceAttributes: { team: "core", tier: "1" } },
      1,
    ],
    [{ OTEL_PROPAGATORS: "b3,tracecontext,b3" }, { propagators: ["b3", "tracecontext"] }, 0],
    [{ OTEL_PROPAGATORS: "tracecontext,nosuch" }, { propagators: ["tracecontext"] }, 1],
    [{ OTEL_PROPAGATORS: "nosuch" }, { propagators: ["tracecontext", "baggage"] }, 1],
    [{ OTEL_PROPAGATORS: "none" }, { propagators: [] }, 0],
    [{ OTEL_TRACES_EXPORTER: "none" }, { exporters: [] }, 0],
    [{ OTEL_TRACES_EXPORTER: "jaeger" }, { exporters: ["otlp"] }, 1],
    [{ OTEL_SDK_DISABLED: "maybe" }, { disabled: false }, 1],
    [{ ANANTA_TRACING_MESSAGING_CONSUMERS: " Link" }, { messagingConsumers: "link" }, 0],
    [{ ANANTA_TRACING_MESSAGING_CONSUMERS: "sibling" }, { messagingConsumers: "parent" }, 1],
    [{ OTEL_LOG_LEVEL: "loud" }, { logLevel: "" }, 1],
    [{ OTEL_CONFIG_FILE: "otel.yaml" }, { configFile: "otel.yaml" }, 0],
    [
      { OTEL_BSP_MAX_QUEUE_SIZE: "100", OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "500" },
      { batch: { maxQueueSize: 100, maxExportBatchSize: 100 } },
      1,
    ],
    [{ OTEL_BSP_SCHEDULE_DELAY: "-1" }, { batch: { scheduleDelayMillis: 1000 } }, 1],
    [
      { OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: "9", OTEL_ATTRIBUTE_COUNT_LIMIT: "7" },
      { limits: { attributeCountLimit: 9, attributePerEventCountLimit: 7 } },
      0,
    ],
    [{ OTEL_SERVICE_VERSION: "2.0" }, { serviceVersion: "2.0" }, 0],
  ])("%j", (environment, expected, problems) => {
    const found = settings(environment);
    expect(found).toMatchObject(expected);
    expect(found.problems).toHaveLength(problems);
  });

  test("a malformed header pair is told by its place, since it may be a secret", () => {
    const found = settings({ OTEL_EXPORTER_OTLP_HEADERS: "hunter2" });
    expect(found.problems.join()).not.toContain("hunter2");
  });

  test("an option with a wrong name is told, with the right one", () => {
    const found = settings({}, { serviceNam: "x", samplngRatio: 1 });
    expect(found.problems).toEqual([
      "option serviceNam: is unknown and ignored; did you mean serviceName?",
      "option samplngRatio: is unknown and ignored; did you mean samplingRatio?",
    ]);
  });

  test("a service without a name takes that of its package", () => {
    const found = resolveSettings({}, {});
    expect(found.origins["serviceName"]).toMatch(/package\.json$/);
  });
});
