/** The way to the collector, step by step: name, port, TLS, and a real span. */
import { lookup } from "node:dns/promises";
import { connect as connectTcp, isIP } from "node:net";
import { connect as connectTls } from "node:tls";

import { RandomIdGenerator } from "@opentelemetry/sdk-trace";
import { resourceFromAttributes } from "@opentelemetry/resources";

import type { Finding } from "./examination.js";
import {
  createSender,
  describeError,
  readCertificates,
  targetOf,
  type Outcome,
} from "../export/delivery.js";
import { encodeRequest, encodeResource, encodeScope, encodeSpan } from "../export/encoding.js";
import { packageVersion } from "../resource.js";
import type { Settings } from "../settings/index.js";

const CONNECT_TIMEOUT_MILLIS = 3000;
const LARGEST_CLOCK_DIFFERENCE_MILLIS = 2000;
const XRAY_PORT = 2000;

export async function* examineWay(settings: Settings): AsyncGenerator<Finding> {
  if (!settings.exporters.includes("otlp")) {
    yield {
      state: "warning",
      subject: "export",
      detail: "no span is sent to a collector (OTEL_TRACES_EXPORTER)",
      advice: "set OTEL_TRACES_EXPORTER=otlp",
    };
    return;
  }
  if (settings.endpoint === "") {
    yield {
      state: "failure",
      subject: "endpoint",
      detail: "cannot be read, see above",
      advice: "set OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318",
    };
    return;
  }
  const url = new URL(settings.endpoint);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = Number(url.port) || (url.protocol === "https:" ? 443 : 80);
  const steps = [
    () => resolveName(host),
    () => openPort(host, port),
    ...(settings.insecure ? [] : [() => shakeHands(settings, host, port)]),
  ];
  for (const step of steps) {
    const finding = await step();
    yield finding;
    if (finding.state === "failure") return;
  }
  yield await sendSpan(settings);
  if (settings.protocol === "http/protobuf") yield* compareClocks(settings.endpoint);
  if (settings.sampler.name.endsWith("xray")) yield await askXRay(settings);
}

async function resolveName(host: string): Promise<Finding> {
  try {
    const { address } = await lookup(host);
    return { state: "ok", subject: "name", detail: `${host} is ${address}` };
  } catch (error) {
    return {
      state: "failure",
      subject: "name",
      detail: `${host}: ${describeError(error)}`,
      advice:
        "correct the host in OTEL_EXPORTER_OTLP_ENDPOINT; in Compose, both services need a common network",
    };
  }
}

async function openPort(host: string, port: number): Promise<Finding> {
  const socket = connectTcp({ host, port });
  const failure = await settled(socket, "connect");
  socket.destroy();
  if (failure === undefined)
    return { state: "ok", subject: "port", detail: `${host}:${port} is open` };
  return {
    state: "failure",
    subject: "port",
    detail: `${host}:${port}: ${describeError(failure)}`,
    advice: "start the collector, or correct the port: 4317 is OTLP over gRPC, 4318 over HTTP",
  };
}

async function shakeHands(settings: Settings, host: string, port: number): Promise<Finding> {
  let socket;
  try {
    // A name, and not an address: only names may be asked for.
    const name = isIP(host) === 0 ? { servername: host } : {};
    socket = connectTls({ host, port, ...name, ...readCertificates(targetOf(settings)) });
  } catch (error) {
    return {
      state: "failure",
      subject: "TLS",
      detail: describeError(error),
      advice: "correct the path of the PEM file",
    };
  }
  const failure = await settled(socket, "secureConnect");
  const protocol = socket.getProtocol();
  socket.destroy();
  if (failure === undefined)
    return {
      state: "ok",
      subject: "TLS",
      detail: `${protocol ?? "TLS"}, the certificate is trusted`,
    };
  return {
    state: "failure",
    subject: "TLS",
    detail: describeError(failure),
    advice:
      "write http:// for a collector without TLS, or name its authority in OTEL_EXPORTER_OTLP_CERTIFICATE",
  };
}

/** The error that came in place of the event; undefined where the event came. */
function settled(socket: import("node:net").Socket, event: string): Promise<Error | undefined> {
  return new Promise((resolve) => {
    socket.setTimeout(CONNECT_TIMEOUT_MILLIS, () =>
      resolve(new Error(`no answer within ${CONNECT_TIMEOUT_MILLIS} ms`)),
    );
    socket.once(event, () => resolve(undefined));
    socket.once("error", resolve);
  });
}

async function sendSpan(settings: Settings): Promise<Finding> {
  const { body, traceId } = testSpan(settings);
  const sender = createSender(targetOf(settings));
  const started = performance.now();
  const outcome = await sender.send(body, settings.timeoutMillis);
  const millis = (performance.now() - started).toFixed(0);
  sender.close();
  if (outcome.kind === "delivered" && outcome.rejectedSpans === 0) {
    return {
      state: "ok",
      subject: "span",
      detail: `a test span was taken in ${millis} ms, trace ${traceId}`,
    };
  }
  return {
    state: "failure",
    subject: "span",
    detail: reasonOf(outcome),
    advice: adviceFor(settings),
  };
}

function reasonOf(outcome: Outcome): string {
  if (outcome.kind !== "delivered") return outcome.reason;
  return `the collector refused it: ${outcome.message || "no reason given"}`;
}

function adviceFor(settings: Settings): string {
  return settings.protocol === "grpc"
    ? "if this is a port for OTLP over HTTP, set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf (usually port 4318)"
    : "if this is a port for gRPC, set OTEL_EXPORTER_OTLP_PROTOCOL=grpc (usually port 4317)";
}

function testSpan(settings: Settings): { body: Buffer; traceId: string } {
  const ids = new RandomIdGenerator();
  const traceId = ids.generateTraceId();
  const spanId = ids.generateSpanId();
  const millis = Date.now();
  const now: [number, number] = [Math.floor(millis / 1000), (millis % 1000) * 1_000_000];
  const scope = { name: "@ananta/tracing/doctor", version: packageVersion() };
  const resource = resourceFromAttributes({ "service.name": settings.serviceName });
  const span = encodeSpan({
    name: "doctor",
    kind: 0,
    spanContext: () => ({ traceId, spanId, traceFlags: 1 }),
    startTime: now,
    endTime: now,
    status: { code: 0 },
    attributes: {},
    links: [],
    events: [],
    duration: [0, 0],
    ended: true,
    resource,
    instrumentationScope: scope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  });
  const scopes = [{ scope: encodeScope(scope), schemaUrl: "", spans: [span] }];
  return { body: encodeRequest(encodeResource(resource), "", scopes), traceId };
}

/** By the date in an answer of the collector, where it gives one; whole seconds only. */
async function* compareClocks(endpoint: string): AsyncGenerator<Finding> {
  const signal = AbortSignal.timeout(CONNECT_TIMEOUT_MILLIS);
  const answer = await fetch(endpoint, { method: "HEAD", signal }).catch(() => undefined);
  const millis = Date.parse(answer?.headers.get("date") ?? "") - Date.now();
  if (Number.isNaN(millis)) return;
  yield Math.abs(millis) <= LARGEST_CLOCK_DIFFERENCE_MILLIS
    ? { state: "ok", subject: "clock", detail: "agrees with the collector's" }
    : {
        state: "failure",
        subject: "clock",
        detail: `the collector's differs by ${Math.round(millis / 1000)} s`,
        advice: "synchronise both, or spans of one trace will seem to overlap wrongly",
      };
}

async function askXRay(settings: Settings): Promise<Finding> {
  const { parseOptions } = require("../sampling/xray.js") as typeof import("../sampling/xray.js");
  const { endpoint } = parseOptions(settings.sampler.argument, () => {});
  const { hostname, port } = new URL(endpoint);
  const found = await openPort(hostname, Number(port) || XRAY_PORT);
  return {
    ...found,
    subject: "X-Ray",
    detail: `sampling rules from ${endpoint}: ${found.detail}`,
    ...(found.state === "failure" && {
      state: "warning" as const,
      advice:
        "start the X-Ray daemon or the collector's awsproxy, or set OTEL_TRACES_SAMPLER_ARG=endpoint=…",
    }),
  };
}
