/** What the doctor looks at, one finding after the other. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  trace,
  TraceFlags,
} from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { RandomIdGenerator, SamplingDecision } from "@opentelemetry/sdk-trace";

import { findCopies } from "./copies.js";
import { examineWay } from "./way.js";
import { inject } from "../helpers/spans.js";
import { canBeInstrumented, libraryNames } from "../libraries/index.js";
import type { TracingOptions } from "../options.js";
import { createPropagator } from "../propagation.js";
import { packageVersion } from "../resource.js";
import { createSampler } from "../sampling/index.js";
import { resolveSettings, type Settings } from "../settings/index.js";

/** One thing that was looked at. */
export interface Finding {
  readonly state: "ok" | "note" | "warning" | "failure";
  readonly subject: string;
  readonly detail: string;
  /** What to change. */
  readonly advice?: string;
}

const SAMPLED_IDS = 1000;
const SHOWN = [
  "serviceName",
  "serviceVersion",
  "environment",
  "endpoint",
  "protocol",
  "insecure",
  "timeoutMillis",
  "compression",
  "exporters",
  "sampler",
  "propagators",
  "resourceDetectors",
  "excludedUrls",
  "disabledInstrumentations",
  "messagingConsumers",
  "logCorrelation",
  "disabled",
] as const satisfies readonly (keyof Settings)[];

/** Everything there is to find out about tracing in this environment. */
export async function* examine(options: TracingOptions): AsyncGenerator<Finding> {
  const settings = resolveSettings(options);
  yield* examineVersions();
  yield* examineSettings(settings);
  yield* examineWay(settings);
  yield* examineSampler(settings);
  yield* examinePropagators(settings);
  yield* examineLibraries(settings);
}

function* examineVersions(): Generator<Finding> {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const isOld = major < 20 || (major === 20 && minor < 6);
  yield {
    state: isOld ? "failure" : "ok",
    subject: "versions",
    detail: `Node.js ${process.versions.node}, @ananta/tracing ${packageVersion()}`,
    ...(isOld && { advice: "use Node.js 20.6 or newer" }),
  };
  const copies = findCopies("@opentelemetry/api");
  const versions = copies.map(({ version, path }) => `${version} in ${path}`).join(", ");
  yield copies.length > 1
    ? {
        state: "warning",
        subject: "@opentelemetry/api",
        detail: `is installed ${copies.length} times: ${versions}`,
        advice:
          "spans of the other copies may be lost; keep one with `npm dedupe`, or `overrides` in package.json",
      }
    : { state: "ok", subject: "@opentelemetry/api", detail: versions || "found" };
}

function* examineSettings(settings: Settings): Generator<Finding> {
  for (const key of SHOWN) {
    const value: unknown = settings[key];
    const shown = Array.isArray(value) ? value.map(String).join(", ") : String(value);
    yield {
      state: "note",
      subject: key,
      detail: `${shown || "(none)"}  [${settings.origins[key] ?? "derived"}]`,
    };
  }
  const headers = Object.keys(settings.headers);
  yield {
    state: "note",
    subject: "headers",
    detail: headers.length === 0 ? "(none)" : `${headers.join(", ")} (values not shown)`,
  };
  for (const problem of settings.problems) {
    const [origin = "", ...rest] = problem.split(": ");
    yield { state: "warning", subject: origin, detail: rest.join(": ") };
  }
  if (settings.configFile !== "") {
    yield {
      state: "note",
      subject: "OTEL_CONFIG_FILE",
      detail: `${settings.configFile} says where spans go and which; what follows holds without it`,
    };
  }
  if (settings.disabled) {
    yield {
      state: "failure",
      subject: "OTEL_SDK_DISABLED",
      detail: "tracing is off",
      advice: "unset OTEL_SDK_DISABLED",
    };
  }
}

function* examineSampler(settings: Settings): Generator<Finding> {
  const origin = settings.origins["sampler"] ?? "";
  if (origin.startsWith("OTEL_")) {
    yield {
      state: "note",
      subject: "sampler",
      detail: `${origin} holds unless the code passes samplingRatio or sampler to initTracing, which would win`,
    };
  }
  const problems: string[] = [];
  const sampler = createSampler(settings, (problem) => problems.push(problem));
  const ids = new RandomIdGenerator();
  let kept = 0;
  for (let index = 0; index < SAMPLED_IDS; index++) {
    const { decision } = sampler.shouldSample(
      ROOT_CONTEXT,
      ids.generateTraceId(),
      "GET /",
      SpanKind.SERVER,
      {},
      [],
    );
    if (decision === SamplingDecision.RECORD_AND_SAMPLED) kept += 1;
  }
  const share = `${((kept / SAMPLED_IDS) * 100).toFixed(1)} % of ${SAMPLED_IDS} new traces are kept by ${String(settings.sampler)}`;
  if (kept === 0) {
    yield {
      state: "failure",
      subject: "sampler",
      detail: share,
      advice: "set OTEL_TRACES_SAMPLER=parentbased_always_on to see every trace",
    };
  } else yield { state: "ok", subject: "sampler", detail: share };
  if (settings.sampler.name === "traceidratio") {
    yield {
      state: "warning",
      subject: "sampler",
      detail:
        "traceidratio does not follow the decision of the caller, so traces break where ratios differ",
      advice: "set OTEL_TRACES_SAMPLER=parentbased_traceidratio",
    };
  }
}

function* examinePropagators(settings: Settings): Generator<Finding> {
  const problems: string[] = [];
  const propagator = createPropagator(settings, (problem) => problems.push(problem));
  for (const problem of problems)
    yield { state: "failure", subject: "propagators", detail: problem };
  if (settings.propagators.length === 0) {
    yield {
      state: "warning",
      subject: "propagators",
      detail: "none: each service begins a trace of its own",
      advice: "unset OTEL_PROPAGATORS",
    };
    return;
  }
  const ids = new RandomIdGenerator();
  const sent = {
    traceId: ids.generateTraceId(),
    spanId: ids.generateSpanId(),
    traceFlags: TraceFlags.SAMPLED,
  };
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(propagator);
  const headers = context.with(trace.setSpanContext(ROOT_CONTEXT, sent), () => inject());
  const received = trace.getSpanContext(propagation.extract(ROOT_CONTEXT, headers));
  const isSame = received?.traceId === sent.traceId;
  const isBaggageOnly = settings.propagators.every((name) => name === "baggage");
  yield isSame
    ? {
        state: "ok",
        subject: "propagators",
        detail: `a trace goes on through ${Object.keys(headers).join(", ")}`,
      }
    : {
        state: isBaggageOnly ? "warning" : "failure",
        subject: "propagators",
        detail: "a trace does not go on through the headers",
        advice: "set OTEL_PROPAGATORS=tracecontext,baggage",
      };
}

function* examineLibraries(settings: Settings): Generator<Finding> {
  const known = libraryNames();
  for (const name of [...settings.enabledInstrumentations, ...settings.disabledInstrumentations]) {
    if (name !== "all" && !known.includes(name)) {
      yield {
        state: "warning",
        subject: "instrumentations",
        detail: `'${name}' is none`,
        advice: `known are ${known.join(", ")}`,
      };
    }
  }
  const found = known.filter(canBeInstrumented);
  yield { state: "note", subject: "instrumented", detail: found.join(", ") };
  const { type, scripts } = packageFile();
  const started = `${process.env["NODE_OPTIONS"] ?? ""} ${scripts?.start ?? ""}`;
  if (type === "module" && !started.includes("@ananta/tracing/register")) {
    yield {
      state: "warning",
      subject: "native modules",
      detail: 'this package has "type": "module", and libraries are seen only through the hook',
      advice:
        "start it with `node --import @ananta/tracing/register …`, or set NODE_OPTIONS to that",
    };
  }
}

interface PackageHere {
  readonly type?: string;
  readonly scripts?: { readonly start?: string };
}

function packageFile(): PackageHere {
  try {
    return JSON.parse(readFileSync(join(process.cwd(), "package.json"), "utf8")) as PackageHere;
  } catch {
    return {};
  }
}
