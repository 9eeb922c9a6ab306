/**
 * Everything that can be set, as one immutable value: `resolveSettings(options)`.
 *
 * An option of `initTracing` wins over an `OTEL_*` variable, that over the preset of the
 * environment, that over the default. Each value knows its origin, and whatever could not be used
 * is told in `problems`, one line each.
 */
import type { SpanLimits } from "@opentelemetry/sdk-trace";

import { LOG_LEVELS } from "../log.js";
import type { ConsumerRelation } from "../messaging.js";
import { OPTION_NAMES, type TracingOptions } from "../options.js";
import { PROPAGATORS } from "../propagation.js";
import { readDestination, type Protocol } from "./endpoint.js";
import { compileExpressions } from "./expressions.js";
import { readBatch, readLimits, type BatchLimits } from "./limits.js";
import { nearest } from "./nearest.js";
import { findPackage } from "./package-file.js";
import { presetOf } from "./presets.js";
import { Reader, UnusableValue, type Environment } from "./reader.js";
import { readSampler, type SamplerChoice } from "./sampler-name.js";

export type { Protocol } from "./endpoint.js";
export type { BatchLimits } from "./limits.js";

/** Searched for in the path of an incoming request that is not to be traced. */
const DEFAULT_EXCLUDED_URLS = [
  /\/(health|healthz|healthcheck|livez|readyz|live|ready|ping|metrics)\/?(\?|$)/,
];

/** Names of the headers to keep as attributes; none by default. */
export interface CapturedHeaders {
  readonly serverRequest: readonly string[];
  readonly serverResponse: readonly string[];
  readonly clientRequest: readonly string[];
  readonly clientResponse: readonly string[];
}

/** The effective settings of this process. */
export interface Settings {
  readonly serviceName: string;
  /** Empty when nobody said. */
  readonly serviceVersion: string;
  readonly environment: string;
  /** The URL spans are sent to; empty when what was given could not be read. */
  readonly endpoint: string;
  readonly protocol: Protocol;
  readonly insecure: boolean;
  /** May hold secrets: shown nowhere. */
  readonly headers: Readonly<Record<string, string>>;
  /** Paths of PEM files; empty for none. */
  readonly certificate: string;
  readonly clientKey: string;
  readonly clientCertificate: string;
  readonly timeoutMillis: number;
  readonly compression: "gzip" | "none";
  /** `otlp`, `console`; empty when nothing is exported. */
  readonly exporters: readonly string[];
  readonly sampler: SamplerChoice;
  readonly propagators: readonly string[];
  readonly resourceAttributes: Readonly<Record<string, unknown>>;
  /** `all`, `none`, or some of env, host, os, process, serviceinstance, container, aws. */
  readonly resourceDetectors: readonly string[];
  readonly excludedUrls: readonly RegExp[];
  readonly capturedHeaders: CapturedHeaders;
  /** Empty: every one in use. */
  readonly enabledInstrumentations: readonly string[];
  readonly disabledInstrumentations: readonly string[];
  readonly messagingConsumers: ConsumerRelation;
  readonly logCorrelation: boolean;
  /** Empty when nobody said. */
  readonly logLevel: string;
  readonly batch: BatchLimits;
  readonly limits: SpanLimits;
  readonly shutdownTimeoutMillis: number;
  readonly disabled: boolean;
  /** The path of a file that the SDK sets itself up by, instead of most of these; or empty. */
  readonly configFile: string;
  /** Setting to where its value came from. */
  readonly origins: Readonly<Record<string, string>>;
  /** What was wrong with values, one line each. */
  readonly problems: readonly string[];
}

/** The settings that hold for these options and variables. */
export function resolveSettings(
  options: TracingOptions = {},
  environment: Environment = process.env,
): Settings {
  const reader = new Reader(options as Readonly<Record<string, unknown>>, environment);
  checkNames(reader, options);
  const resourceAttributes = readResourceAttributes(reader);
  const name = readEnvironment(reader, resourceAttributes);
  const { authorization, ...destination } = readDestination(reader);
  const exporting = readExport(reader);
  const settings = {
    ...readService(reader, resourceAttributes),
    environment: name,
    ...destination,
    ...exporting,
    headers: { ...(authorization && { authorization }), ...exporting.headers },
    sampler: readSampler(reader),
    propagators: reader.read(
      "propagators",
      ["OTEL_PROPAGATORS"],
      (origin, text) => readPropagators(reader, origin, text),
      ["tracecontext", "baggage"],
      "propagators",
    ),
    resourceAttributes,
    ...readPrivacy(reader),
    ...readProcess(reader),
    batch: readBatch(reader),
    limits: readLimits(reader),
  };
  return Object.freeze({ ...settings, origins: reader.origins, problems: reader.problems });
}

function checkNames(reader: Reader, options: TracingOptions): void {
  for (const name of Object.keys(options).filter((each) => !OPTION_NAMES.includes(each))) {
    const close = nearest(name, OPTION_NAMES);
    reader.problem(
      `option ${name}`,
      `is unknown and ignored${close === undefined ? "" : `; did you mean ${close}?`}`,
    );
  }
}

function readResourceAttributes(reader: Reader): Record<string, unknown> {
  const variables = reader.read(
    "resourceAttributes",
    ["OTEL_RESOURCE_ATTRIBUTES"],
    reader.pairs,
    {},
  );
  const given = reader.option("resourceAttributes") as Record<string, unknown> | undefined;
  if (given === undefined) return variables;
  const both = Object.keys(variables).length > 0 ? " and OTEL_RESOURCE_ATTRIBUTES" : "";
  reader.origins["resourceAttributes"] = `option resourceAttributes${both}`;
  return { ...variables, ...given };
}

function readService(reader: Reader, attributes: Record<string, unknown>) {
  const packaged = findPackage();
  const find = (
    setting: string,
    variable: string,
    attribute: string,
    inPackage?: string,
  ): string => {
    const text = reader.read(setting, [variable], reader.text, "", setting);
    if (text !== "") return text;
    if (attributes[attribute]) {
      reader.origins[setting] = reader.origins["resourceAttributes"] ?? "";
      return String(attributes[attribute]);
    }
    if (inPackage !== undefined) reader.origins[setting] = packaged?.path ?? "";
    return inPackage ?? "";
  };
  let serviceName = find("serviceName", "OTEL_SERVICE_NAME", "service.name", packaged?.name);
  if (serviceName === "") {
    serviceName = "unknown_service:node";
    reader.problem(
      "OTEL_SERVICE_NAME",
      `the service has no name, so it is called ${serviceName}; set it`,
    );
  }
  return {
    serviceName,
    serviceVersion: find(
      "serviceVersion",
      "OTEL_SERVICE_VERSION",
      "service.version",
      packaged?.version,
    ),
  };
}

/** The name of the environment; also chooses the preset. */
function readEnvironment(reader: Reader, attributes: Record<string, unknown>): string {
  let environment = reader.read(
    "environment",
    ["DEPLOYMENT_ENVIRONMENT"],
    reader.text,
    "",
    "environment",
  );
  for (const key of ["deployment.environment.name", "deployment.environment"]) {
    if (environment === "" && attributes[key]) {
      reader.origins["environment"] = reader.origins["resourceAttributes"] ?? "";
      environment = String(attributes[key]);
    }
  }
  if (environment === "") {
    environment = reader.read("environment", ["NODE_ENV"], reader.text, "development");
  }
  const [, daemon] = reader.variable("AWS_XRAY_DAEMON_ADDRESS");
  const [name, preset] = presetOf(environment, daemon);
  reader.usePreset(name, preset);
  return environment;
}

function readExport(reader: Reader) {
  const otlp = (name: string) => [
    `OTEL_EXPORTER_OTLP_TRACES_${name}`,
    `OTEL_EXPORTER_OTLP_${name}`,
  ];
  return {
    headers: reader.read<Readonly<Record<string, string>>>(
      "headers",
      otlp("HEADERS"),
      reader.pairs,
      {},
      "headers",
    ),
    certificate: reader.read("certificate", otlp("CERTIFICATE"), reader.text, ""),
    clientKey: reader.read("clientKey", otlp("CLIENT_KEY"), reader.text, ""),
    clientCertificate: reader.read(
      "clientCertificate",
      otlp("CLIENT_CERTIFICATE"),
      reader.text,
      "",
    ),
    timeoutMillis: reader.read("timeoutMillis", otlp("TIMEOUT"), reader.timeout, 10_000),
    compression: reader.read<"gzip" | "none">(
      "compression",
      otlp("COMPRESSION"),
      (_, text) => {
        const folded = text.toLowerCase();
        if (folded === "gzip" || folded === "none") return folded;
        throw new UnusableValue(`unknown compression '${text}'; write gzip or none`);
      },
      "none",
    ),
    exporters: reader.read<readonly string[]>(
      "exporters",
      ["OTEL_TRACES_EXPORTER"],
      (origin, text) => readExporters(reader, origin, text),
      ["otlp"],
    ),
  };
}

function readExporters(reader: Reader, origin: string, text: string): string[] {
  const found = new Set<string>();
  for (const name of reader.names(origin, text.toLowerCase())) {
    if (name === "jaeger" || name === "zipkin") {
      reader.problem(origin, `${name} is read as otlp; write otlp`);
      found.add("otlp");
    } else if (name === "otlp" || name === "console") {
      found.add(name);
    } else if (name !== "none") {
      throw new UnusableValue(`unknown exporter '${name}'; write otlp, console or none`);
    }
  }
  return [...found];
}

/** The known ones of these names; where none is, the default holds. */
function readPropagators(reader: Reader, origin: string, text: string): string[] {
  const names = [...new Set(reader.names(origin, text.toLowerCase()))];
  if (names.includes("none")) return [];
  const known = names.filter((name) => PROPAGATORS.includes(name));
  for (const name of names.filter((each) => !PROPAGATORS.includes(each))) {
    const message = `unknown propagator '${name}'; write some of ${PROPAGATORS.join(", ")}`;
    if (known.length === 0) throw new UnusableValue(message);
    reader.problem(origin, `${message}; the others are used`);
  }
  return known;
}

function readPrivacy(reader: Reader) {
  const headers = (place: string) =>
    reader
      .read(
        `capturedHeaders.${place}`,
        [`OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_${place}`],
        reader.names,
        [],
      )
      .map((name) => name.toLowerCase());
  const excluded = reader.read<readonly (string | RegExp)[]>(
    "excludedUrls",
    ["OTEL_NODE_EXCLUDED_URLS"],
    reader.names,
    DEFAULT_EXCLUDED_URLS,
    "excludeUrls",
  );
  const origin = reader.origins["excludedUrls"] ?? "";
  return {
    excludedUrls: compileExpressions(excluded, (problem) => reader.problem(origin, problem)),
    capturedHeaders: {
      serverRequest: headers("SERVER_REQUEST"),
      serverResponse: headers("SERVER_RESPONSE"),
      clientRequest: headers("CLIENT_REQUEST"),
      clientResponse: headers("CLIENT_RESPONSE"),
    },
  };
}

function readProcess(reader: Reader) {
  const list = (setting: string, variable: string, fallback: readonly string[]) =>
    reader.read(setting, [variable], reader.names, [...fallback]);
  const { flag, milliseconds } = reader;
  const correlation = ["OTEL_NODE_LOG_CORRELATION"];
  const timeout = "shutdownTimeoutMillis";
  return {
    resourceDetectors: list("resourceDetectors", "OTEL_NODE_RESOURCE_DETECTORS", ["all"]),
    enabledInstrumentations: list(
      "enabledInstrumentations",
      "OTEL_NODE_ENABLED_INSTRUMENTATIONS",
      [],
    ),
    disabledInstrumentations: list(
      "disabledInstrumentations",
      "OTEL_NODE_DISABLED_INSTRUMENTATIONS",
      [],
    ),
    messagingConsumers: reader.read<ConsumerRelation>(
      "messagingConsumers",
      ["ANANTA_TRACING_MESSAGING_CONSUMERS"],
      readRelation,
      "parent",
      "messagingConsumers",
    ),
    logCorrelation: reader.read("logCorrelation", correlation, flag, true, "logCorrelation"),
    logLevel: reader.read("logLevel", ["OTEL_LOG_LEVEL"], readLogLevel, ""),
    shutdownTimeoutMillis: reader.read(timeout, [], milliseconds, 2000, timeout),
    disabled: reader.read("disabled", ["OTEL_SDK_DISABLED"], flag, false),
    configFile: reader.read("configFile", ["OTEL_CONFIG_FILE"], (_origin, text) => text, ""),
  };
}

function readRelation(_origin: string, text: string): ConsumerRelation {
  const folded = text.toLowerCase();
  if (folded === "parent" || folded === "link") return folded;
  throw new UnusableValue(`unknown relation '${text}'; write parent or link`);
}

function readLogLevel(_origin: string, text: string): string {
  const folded = text.toLowerCase();
  if (LOG_LEVELS.includes(folded)) return folded;
  throw new UnusableValue(`unknown level '${text}'; write debug, info, warn, error or none`);
}
