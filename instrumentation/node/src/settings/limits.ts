/** How many spans wait, and how much one may hold. */
import type { SpanLimits } from "@opentelemetry/sdk-trace";

import type { Reader } from "./reader.js";

/** How spans wait and leave. Sizes are in spans. */
export interface BatchLimits {
  readonly scheduleDelayMillis: number;
  readonly maxQueueSize: number;
  readonly maxExportBatchSize: number;
  readonly exportTimeoutMillis: number;
}

/** How spans wait and leave, by the `OTEL_BSP_*` variables. */
export function readBatch(reader: Reader): BatchLimits {
  const maxQueueSize = reader.read(
    "maxQueueSize",
    ["OTEL_BSP_MAX_QUEUE_SIZE"],
    reader.positiveCount,
    8192,
  );
  let maxExportBatchSize = reader.read(
    "maxExportBatchSize",
    ["OTEL_BSP_MAX_EXPORT_BATCH_SIZE"],
    reader.positiveCount,
    Math.min(1024, maxQueueSize),
  );
  if (maxExportBatchSize > maxQueueSize) {
    reader.problem(
      reader.origins["maxExportBatchSize"] ?? "",
      `a batch of ${maxExportBatchSize} does not fit a queue of ${maxQueueSize}; ${maxQueueSize} is used`,
    );
    maxExportBatchSize = maxQueueSize;
  }
  return {
    scheduleDelayMillis: reader.read(
      "scheduleDelayMillis",
      ["OTEL_BSP_SCHEDULE_DELAY"],
      reader.milliseconds,
      5000,
    ),
    maxQueueSize,
    maxExportBatchSize,
    exportTimeoutMillis: reader.read(
      "exportTimeoutMillis",
      ["OTEL_BSP_EXPORT_TIMEOUT"],
      reader.milliseconds,
      30_000,
    ),
  };
}

/** How much one span may hold. */
export function readLimits(reader: Reader): SpanLimits {
  const count = (setting: string, fallback: number, ...variables: string[]) =>
    reader.read(`limits.${setting}`, variables, reader.count, fallback);
  const general = "OTEL_ATTRIBUTE_COUNT_LIMIT";
  return {
    attributeCountLimit: count("attributeCount", 128, "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", general),
    attributeValueLengthLimit: count(
      "attributeValueLength",
      Infinity,
      "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
      "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    ),
    eventCountLimit: count("eventCount", 128, "OTEL_SPAN_EVENT_COUNT_LIMIT"),
    linkCountLimit: count("linkCount", 128, "OTEL_SPAN_LINK_COUNT_LIMIT"),
    attributePerEventCountLimit: count(
      "eventAttributeCount",
      128,
      "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
      general,
    ),
    attributePerLinkCountLimit: count(
      "linkAttributeCount",
      128,
      "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
      general,
    ),
  };
}
