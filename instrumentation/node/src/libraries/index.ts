/**
 * The libraries in use, instrumented: what is installed beside the application and not disabled.
 *
 * HTTP servers, Express and Fastify have lean instrumentations of our own; the others are the
 * official packages. Each is loaded only where its library is there.
 */
import type { TracerProvider } from "@opentelemetry/api";
import type { Instrumentation } from "@opentelemetry/instrumentation";

import { instrumentedBy, isInstalled, requireFromApplication } from "./installed.js";
import type { TracingOptions } from "../options.js";
import type { Settings } from "../settings/index.js";

interface Library {
  /** The npm package that is instrumented; empty for a part of Node. */
  readonly packages: readonly string[];
  /** Instrumentations of others that stand in for this one. */
  readonly replacedBy: readonly string[];
  /** Returns instrumentations to register, or what undoes a patch. */
  readonly load: (settings: Settings, provider: TracerProvider) => Instrumentation | (() => void);
}

const official = (name: string): string => `@opentelemetry/instrumentation-${name}`;

const LIBRARIES: Readonly<Record<string, Library>> = {
  http: {
    packages: [],
    replacedBy: [official("http")],
    load: (settings, provider) => {
      const { instrumentHttpServer } =
        require("./http-server.js") as typeof import("./http-server.js");
      return instrumentHttpServer(settings, provider);
    },
  },
  "http-client": {
    packages: [],
    replacedBy: [official("http")],
    load: (settings) => {
      const { HttpInstrumentation } =
        require("@opentelemetry/instrumentation-http") as typeof import("@opentelemetry/instrumentation-http");
      const { clientRequest, clientResponse } = settings.capturedHeaders;
      return new HttpInstrumentation({
        disableIncomingRequestInstrumentation: true,
        headersToSpanAttributes: {
          client: { requestHeaders: [...clientRequest], responseHeaders: [...clientResponse] },
        },
      });
    },
  },
  undici: {
    packages: [],
    replacedBy: [official("undici")],
    load: (settings) => {
      const { UndiciInstrumentation } =
        require("@opentelemetry/instrumentation-undici") as typeof import("@opentelemetry/instrumentation-undici");
      const { clientRequest, clientResponse } = settings.capturedHeaders;
      return new UndiciInstrumentation({
        headersToSpanAttributes: {
          requestHeaders: [...clientRequest],
          responseHeaders: [...clientResponse],
        },
      });
    },
  },
  express: {
    packages: ["express"],
    replacedBy: [official("express")],
    load: () => {
      const { ExpressRouteInstrumentation } =
        require("./express.js") as typeof import("./express.js");
      return new ExpressRouteInstrumentation();
    },
  },
  fastify: {
    packages: ["fastify"],
    replacedBy: ["@fastify/otel", official("fastify")],
    load: () => {
      const { instrumentFastify } = require("./fastify.js") as typeof import("./fastify.js");
      return instrumentFastify();
    },
  },
  pg: {
    packages: ["pg", "pg-pool"],
    replacedBy: [official("pg")],
    load: () => {
      const { PgInstrumentation } =
        require("@opentelemetry/instrumentation-pg") as typeof import("@opentelemetry/instrumentation-pg");
      return new PgInstrumentation({ enhancedDatabaseReporting: false });
    },
  },
  redis: {
    packages: ["redis", "@redis/client"],
    replacedBy: [official("redis")],
    load: () => {
      const { RedisInstrumentation } =
        require("@opentelemetry/instrumentation-redis") as typeof import("@opentelemetry/instrumentation-redis");
      return new RedisInstrumentation();
    },
  },
  ioredis: {
    packages: ["ioredis"],
    replacedBy: [official("ioredis")],
    load: () => {
      const { IORedisInstrumentation } =
        require("@opentelemetry/instrumentation-ioredis") as typeof import("@opentelemetry/instrumentation-ioredis");
      return new IORedisInstrumentation();
    },
  },
  "aws-sdk": {
    packages: ["@aws-sdk", "@smithy", "aws-sdk"],
    replacedBy: [official("aws-sdk")],
    load: () => {
      const { AwsInstrumentation } =
        require("@opentelemetry/instrumentation-aws-sdk") as typeof import("@opentelemetry/instrumentation-aws-sdk");
      return new AwsInstrumentation({ suppressInternalInstrumentation: true });
    },
  },
  pino: {
    packages: ["pino"],
    replacedBy: [official("pino")],
    load: () => {
      const { PinoInstrumentation } =
        require("@opentelemetry/instrumentation-pino") as typeof import("@opentelemetry/instrumentation-pino");
      return new PinoInstrumentation({ disableLogSending: true });
    },
  },
  winston: {
    packages: ["winston"],
    replacedBy: [official("winston")],
    load: () => {
      const { WinstonInstrumentation } =
        require("@opentelemetry/instrumentation-winston") as typeof import("@opentelemetry/instrumentation-winston");
      return new WinstonInstrumentation({ disableLogSending: true });
    },
  },
};

/** Libraries whose official instrumentation is used where the application has it installed. */
const OPTIONAL = [
  "amqplib",
  "cassandra-driver",
  "graphql",
  "kafkajs",
  "knex",
  "koa",
  "mongodb",
  "mongoose",
  "mysql",
  "mysql2",
  "nestjs-core",
  "restify",
  "tedious",
];
const LOG_LIBRARIES = ["pino", "winston"];

/** What was done about one library. */
export interface AppliedLibrary {
  readonly name: string;
  readonly state: "instrumented" | "not installed" | "disabled" | "given" | "failed";
  readonly detail?: string;
}

/** Everything that was instrumented, and what undoes it. */
export interface AppliedLibraries {
  readonly libraries: readonly AppliedLibrary[];
  readonly undo: () => void;
}

/** The names that can be enabled and disabled. */
export function libraryNames(): string[] {
  return [...Object.keys(LIBRARIES), ...OPTIONAL];
}

/** Sets of packages of which one each must be installed for the library to be instrumented. */
export function libraryPackages(name: string): (readonly string[])[] {
  const library = LIBRARIES[name];
  if (library === undefined) return [[instrumentedBy(name)], [official(name)]];
  return library.packages.length === 0 ? [] : [library.packages];
}

/** What is asked for by a name that nothing has. */
export function unknownLibraries(settings: Settings, { instrument }: TracingOptions): string[] {
  const asked = Array.isArray(instrument)
    ? (instrument as string[])
    : settings.enabledInstrumentations;
  const known = libraryNames();
  return asked.filter((name) => !known.includes(name));
}

/** Instruments what the options and settings ask for. Never throws: a failure is an entry. */
export function instrumentLibraries(
  settings: Settings,
  options: TracingOptions,
  provider: TracerProvider,
): AppliedLibraries {
  const given: Instrumentation[] = (options.instrumentations ?? []).flatMap((each) =>
    Array.isArray(each) ? (each as Instrumentation[]) : [each as Instrumentation],
  );
  const givenNames = new Set(given.map(({ instrumentationName }) => instrumentationName));
  const undo: (() => void)[] = [];
  const register = (instrumentation: Instrumentation): void => {
    instrumentation.setTracerProvider(provider);
    instrumentation.enable();
    undo.push(() => instrumentation.disable());
  };
  const apply = (name: string, load: () => Instrumentation | (() => void)): AppliedLibrary => {
    try {
      const loaded = load();
      if (typeof loaded === "function") undo.push(loaded);
      else register(loaded);
      return { name, state: "instrumented" };
    } catch (error) {
      return {
        name,
        state: "failed",
        detail: error instanceof Error ? error.message.split("\n")[0]! : String(error),
      };
    }
  };
  given.forEach(register);
  const isWanted = wanted(settings, options);
  const libraries = Object.entries(LIBRARIES).map(([name, library]): AppliedLibrary => {
    if (library.replacedBy.some((other) => givenNames.has(other))) return { name, state: "given" };
    if (!isWanted(name)) return { name, state: "disabled" };
    if (library.packages.length > 0 && !library.packages.some(isInstalled))
      return { name, state: "not installed" };
    return apply(name, () => library.load(settings, provider));
  });
  for (const name of OPTIONAL) {
    const by = official(name);
    if (
      givenNames.has(by) ||
      !isWanted(name) ||
      !isInstalled(instrumentedBy(name)) ||
      !isInstalled(by)
    )
      continue;
    libraries.push(apply(name, () => firstInstrumentation(requireFromApplication(by))));
  }
  return {
    libraries,
    undo: () =>
      undo
        .splice(0)
        .reverse()
        .forEach((each) => each()),
  };
}

function wanted(settings: Settings, options: TracingOptions): (name: string) => boolean {
  const { instrument = "auto" } = options;
  const enabled = instrument === "auto" ? settings.enabledInstrumentations : instrument || [];
  const isNone = instrument === false || settings.disabledInstrumentations.includes("all");
  return (name) => {
    // One name covers both halves of HTTP.
    const names = name === "http-client" ? [name, "http"] : [name];
    const isEnabled =
      (instrument === "auto" && enabled.length === 0) ||
      names.some((each) => enabled.includes(each));
    const isDisabled = names.some((each) => settings.disabledInstrumentations.includes(each));
    return (
      !isNone &&
      isEnabled &&
      !isDisabled &&
      (settings.logCorrelation || !LOG_LIBRARIES.includes(name))
    );
  };
}

/** The one class a package of an instrumentation exports. */
function firstInstrumentation(exported: Record<string, unknown>): Instrumentation {
  const found = Object.entries(exported).find(
    ([name, value]) => name.endsWith("Instrumentation") && typeof value === "function",
  );
  if (found === undefined) throw new Error("exports no instrumentation");
  return new (found[1] as new () => Instrumentation)();
}
