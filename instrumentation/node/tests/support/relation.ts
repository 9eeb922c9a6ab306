/** How the span of a message's consumer is told to stand to that of its producer. */
import { expect } from "vitest";

import type { ReceivedSpan } from "./otlp.js";

export const VARIABLE = "ANANTA_TRACING_MESSAGING_CONSUMERS";

/** The producer is the `parent` of the consumer, or a `link` out of another trace, never both. */
export function relationOf(producer: ReceivedSpan, consumer: ReceivedSpan): "parent" | "link" {
  expect(producer.kind).toBe("producer");
  expect(consumer.kind).toBe("consumer");
  const { traceId, spanId } = producer;
  if (consumer.links.length > 0) {
    expect(consumer.links).toEqual([{ traceId, spanId }]);
    expect(consumer.traceId).not.toBe(traceId);
    return "link";
  }
  expect(consumer).toMatchObject({ traceId, parentId: spanId });
  return "parent";
}
