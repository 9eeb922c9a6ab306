/**
 * Stock tracing as a service of the guide sets it up, read from the `OTEL_*` variables.
 *
 * Metrics and logs are off: they have no part in this, and NodeSDK would export them otherwise.
 */
"use strict";

const { NodeSDK } = require("@opentelemetry/sdk-node");
const { getNodeAutoInstrumentations } = require("@opentelemetry/auto-instrumentations-node");

const isGrpc = process.env.OTEL_EXPORTER_OTLP_PROTOCOL === "grpc";
const { OTLPTraceExporter } = isGrpc
  ? require("@opentelemetry/exporter-trace-otlp-grpc")
  : require("@opentelemetry/exporter-trace-otlp-proto");

const sdk = new NodeSDK({
  traceExporter: new OTLPTraceExporter(),
  instrumentations: [getNodeAutoInstrumentations()],
  metricReaders: [],
  logRecordProcessors: [],
});
sdk.start();

process.on("SIGTERM", () => {
  sdk.shutdown().finally(() => process.exit(0));
});
