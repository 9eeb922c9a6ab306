/** Databases and loggers: real clients against real servers. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";

import { start } from "./support/program.js";
import { startPostgres, startRedis, type Running } from "./support/servers.js";
import { startHttpSink, type Sink } from "./support/sink.js";

let postgres: Running;
let redis: Running;
let sink: Sink;

beforeAll(async () => {
  [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
});
afterAll(async () => {
  await Promise.all([postgres.stop(), redis.stop()]);
});
beforeEach(async () => {
  sink = await startHttpSink();
});
afterEach(() => sink.close());

test("PostgreSQL and Redis calls are children of the span they are made in, without their values", async () => {
  const env = { PG_PORT: String(postgres.port), REDIS_PORT: String(redis.port) };
  const ended = await start("databases.cjs", sink.endpoint, { env }).ended;
  expect(ended.stdout).toContain("all done");
  const work = sink.named("work")[0]!;
  const children = sink.spans.filter(({ parentId }) => parentId === work.spanId);
  const names = children.map(({ name }) => name);
  expect(names.filter((name) => name.startsWith("pg.query:"))).toEqual([
    "pg.query:CREATE postgres",
    "pg.query:INSERT postgres",
    "pg.query:SELECT postgres",
    "pg.query:SELECT postgres",
  ]);
  expect(names.some((name) => /^(redis-)?SET$/i.test(name))).toBe(true);
  expect(names.filter((name) => /set$/i.test(name))).toHaveLength(2);
  expect(new Set(sink.spans.map(({ traceId }) => traceId)).size).toBe(1);
  const texts = children.map(
    ({ attributes }) => attributes["db.query.text"] ?? attributes["db.statement"],
  );
  expect(texts).toContain("SELECT * FROM tenants WHERE name = ? AND id = ?");
  expect(texts).toContain("INSERT INTO tenants VALUES ($1, $2)");
  expect(
    children.filter(({ name, status }) => name.startsWith("pg.") && status.code === 2),
  ).toHaveLength(1);
  expect(Buffer.concat(sink.bodies).includes("hunter2")).toBe(false);
});

test("records of pino and winston carry the ids of their span", async () => {
  const ended = await start("logs.cjs", sink.endpoint).ended;
  const traceId = /^trace (.*)$/m.exec(ended.stdout)![1];
  const records = ended.stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));
  expect(records.map((record) => record.msg ?? record.message).sort()).toEqual([
    "from mixin",
    "from pino",
    "from winston",
  ]);
  for (const record of records) {
    expect(record).toMatchObject({ trace_id: traceId, span_id: sink.named("work")[0]!.spanId });
  }
});

test("log correlation can be turned off", async () => {
  const ended = await start("logs.cjs", sink.endpoint, {
    env: { OTEL_NODE_LOG_CORRELATION: "false" },
  }).ended;
  const record = ended.stdout.split("\n").find((line) => line.includes("from winston"))!;
  expect(JSON.parse(record)).not.toHaveProperty("trace_id");
});
