/** Which instrumentation there is for which library, and how it is loaded. */
import type { TracerProvider } from "@opentelemetry/api";
import type { Instrumentation } from "@opentelemetry/instrumentation";

import type { Settings } from "../settings/index.js";

/** A running instrumentation, or what undoes a patch. */
export type Loaded = Instrumentation | (() => void);

export interface Library {
  /** The npm package that is instrumented; empty for a part of Node. */
  readonly packages: readonly string[];
  /** Instrumentations of others that stand in for this one. */
  readonly replacedBy: readonly string[];
  readonly load: (settings: Settings, provider: TracerProvider) => Loaded;
}

/** The npm package of the official instrumentation. */
export const official = (name: string): string => `@opentelemetry/instrumentation-${name}`;

export const LIBRARIES: Readonly<Record<string, Library>> = {
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
export const OPTIONAL = [
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
export const LOG_LIBRARIES = ["pino", "winston"];
/** Instrumentations whose consumer spans follow the setting `messagingConsumers`. */
export const MESSAGING = ["amqplib", "aws-sdk", "kafkajs"].map(official);
