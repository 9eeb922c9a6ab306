/**
 * Consumers continue the producer's trace or link to it, as set: Kafka and RabbitMQ.
 *
 * Needs servers that take their time to install and start: `make test-messaging`.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";

import { start } from "./support/program.js";
import { relationOf, VARIABLE } from "./support/relation.js";
import { startKafka, startRabbitmq } from "./support/brokers.js";
import type { Running } from "./support/servers.js";
import { startHttpSink, type Sink } from "./support/sink.js";

let kafka: Running;
let rabbitmq: Running;
let sink: Sink;

beforeAll(async () => {
  kafka = await startKafka();
  rabbitmq = await startRabbitmq();
}, 120_000);
afterAll(() => Promise.all([kafka.stop(), rabbitmq.stop()]));
beforeEach(async () => {
  sink = await startHttpSink();
});
afterEach(() => sink.close());

test.each(["parent", "link"])("amqplib: the producer is a %s", async (relation) => {
  const queue = `orders-${relation}`;
  const env = {
    RABBITMQ_URL: `amqp://guest:guest@127.0.0.1:${rabbitmq.port}`,
    QUEUE: queue,
    [VARIABLE]: relation,
  };
  const ended = await start("rabbitmq.cjs", sink.endpoint, { env }).ended;
  expect(ended.code, ended.stderr).toBe(0);
  const [order, sent, processed, handled] = [
    "order",
    "publish <default>",
    `${queue} process`,
    "handle",
  ].map((name) => sink.named(name)[0]!);
  expect(sent!.parentId).toBe(order!.spanId);
  expect(relationOf(sent!, processed!)).toBe(relation);
  expect(handled!.parentId).toBe(processed!.spanId);
});

test.each(["parent", "link"])(
  "kafkajs: the producer is a %s",
  async (relation) => {
    const queue = `orders-${relation}`;
    const env = {
      KAFKA_BROKER: `127.0.0.1:${kafka.port}`,
      QUEUE: queue,
      [VARIABLE]: relation,
      KAFKAJS_NO_PARTITIONER_WARNING: "1",
    };
    const ended = await start("kafka.cjs", sink.endpoint, { env }).ended;
    expect(ended.code, ended.stderr).toBe(0);
    const [order, sent, handled] = ["order", `send ${queue}`, "handle"].map(
      (name) => sink.named(name)[0]!,
    );
    expect(sent!.parentId).toBe(order!.spanId);
    // The message is taken twice: by itself, and as a batch of one.
    const processed = sink.named(`process ${queue}`);
    expect(processed).toHaveLength(2);
    for (const span of processed) expect(relationOf(sent!, span)).toBe(relation);
    expect(processed.map(({ spanId }) => spanId)).toContain(handled!.parentId);
  },
  60_000,
);
