/** Consumers continue the producer's trace or link to it, as set: SQS and spans by hand. */
import { context, propagation, SpanKind, trace } from "@opentelemetry/api";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";

import { createSpan, extract, inject } from "../dist/index.js";
import { recordSpans, resetTracing } from "../dist/testing/index.js";
import { start } from "./support/program.js";
import { relationOf, VARIABLE } from "./support/relation.js";
import { startSqs, type Running } from "./support/servers.js";
import { startHttpSink, type Sink } from "./support/sink.js";

let sqs: Running;
let sink: Sink;

beforeAll(async () => {
  sqs = await startSqs();
});
afterAll(() => sqs.stop());
beforeEach(async () => {
  sink = await startHttpSink();
});
afterEach(() => sink.close());

test.each(["parent", "link"])("SQS: the producer is a %s", async (relation) => {
  const env = {
    SQS_ENDPOINT: `http://127.0.0.1:${sqs.port}`,
    QUEUE: `orders-${relation}`,
    [VARIABLE]: relation,
  };
  const ended = await start("sqs.cjs", sink.endpoint, { env }).ended;
  expect(ended.code, ended.stderr).toBe(0);
  const [order, sent, received, processed, handled] = [
    "order",
    `orders-${relation} send`,
    `orders-${relation} receive`,
    "orders process",
    "handle",
  ].map((name) => sink.named(name)[0]!);
  expect(sent!.parentId).toBe(order!.spanId);
  expect(relationOf(sent!, processed!)).toBe(relation);
  expect(handled!.parentId).toBe(processed!.spanId);
  // What fetches several messages at once can be the child of none of their producers.
  expect(relationOf(sent!, received!)).toBe("link");
});

test.each([
  ["parent", { messagingConsumers: "parent" as const }],
  ["parent", {}],
  ["link", { messagingConsumers: "link" as const }],
])("spans by hand: the producer is a %s with %o", (relation, options) => {
  const spans = recordSpans(options);
  const baggage = propagation.createBaggage({ tenant: { value: "acme" } });
  const headers = createSpan(
    "send",
    {},
    () =>
      context.with(propagation.setBaggage(context.active(), baggage), () =>
        Object.fromEntries(
          // As Kafka has them.
          Object.entries(inject()).map(([name, value]) => [name, Buffer.from(value)]),
        ),
      ),
    { kind: SpanKind.PRODUCER },
  );
  const kind = SpanKind.CONSUMER;
  const link = { context: trace.getSpanContext(extract(headers))! };
  extract(headers, () => {
    const body = (): void => {
      expect(propagation.getActiveBaggage()?.getEntry("tenant")?.value).toBe("acme");
      createSpan("next", {}, () => {}, { kind });
    };
    createSpan("receive", {}, body, { kind });
    createSpan("other kind", () => {});
  });
  createSpan("told", {}, () => {}, { kind, links: [link] });

  const sent = spans.assertSpan("send").spanContext();
  const received = spans.assertSpan("receive", { parent: relation === "link" ? null : "send" });
  expect(received.spanContext().traceId === sent.traceId).toBe(relation === "parent");
  expect(received.links.map((each) => each.context.spanId)).toEqual(
    relation === "link" ? [sent.spanId] : [],
  );
  // Only what comes from a message is related to it, and what is said in code holds.
  spans.assertSpan("next", { parent: "receive" });
  spans.assertSpan("other kind", { parent: "send" });
  expect(spans.assertSpan("told", { parent: null }).links).toHaveLength(1);
  resetTracing();
});
