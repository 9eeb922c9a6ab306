/** No span is lost at the end of the process, nobody's end is changed, and none takes long. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { start } from "./support/program.js";
import { sleep, startGrpcSink, startHttpSink, type Sink } from "./support/sink.js";

let sink: Sink;
afterEach(() => sink.close());

const SLOW = { OTEL_BSP_SCHEDULE_DELAY: "60000" };
const NOBODY = "http://127.0.0.1:9";

describe.each([
  ["http/protobuf", startHttpSink],
  ["grpc", startGrpcSink],
] as const)("%s", (protocol, startSink) => {
  const env = { ...SLOW, OTEL_EXPORTER_OTLP_PROTOCOL: protocol };
  beforeEach(async () => {
    sink = await startSink();
  });

  test.each([
    ["return", 0],
    ["exit", 3],
    ["throw", 1],
  ])("a script that ends by %s delivers its spans and keeps its exit code", async (END, code) => {
    const ended = await start("script.cjs", sink.endpoint, { env: { ...env, END, SPANS: "2500" } })
      .ended;
    expect(ended).toMatchObject({ code, signal: null });
    expect(new Set(sink.spans.map(({ spanId }) => spanId)).size).toBe(2500);
    expect(sink.spans).toHaveLength(2500);
  });

  test.each(["SIGTERM", "SIGINT"] as const)(
    "%s ends a program that does not listen, after its spans",
    async (signal) => {
      const program = start("server.cjs", sink.endpoint, { env });
      const port = await program.said("port");
      for (let index = 0; index < 20; index++) await fetch(`http://127.0.0.1:${port}/`);
      program.process.kill(signal);
      expect(await program.ended).toMatchObject({ code: null, signal });
      expect(sink.spans).toHaveLength(20);
    },
  );

  test.each(["drain", "drain-once"])(
    "SIGTERM under load (%s): every response arrives and every span",
    async (END) => {
      const program = start("server.cjs", sink.endpoint, {
        env: { ...env, END, WORK_MILLIS: "500" },
      });
      const port = await program.said("port");
      const answers = Array.from({ length: 50 }, async () =>
        (await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } })).text(),
      );
      // All of them are being worked on.
      await program.said("request50");
      program.process.kill("SIGTERM");
      expect(await Promise.all(answers)).toEqual(Array(50).fill("done"));
      expect(await program.ended).toMatchObject({ code: 0, signal: null });
      expect(sink.spans).toHaveLength(50);
    },
  );

  test("a handler of the program that exits at once is obeyed, and no span is lost", async () => {
    const program = start("server.cjs", sink.endpoint, { env: { ...env, END: "exit-on-signal" } });
    const port = await program.said("port");
    for (let index = 0; index < 20; index++) await fetch(`http://127.0.0.1:${port}/`);
    program.process.kill("SIGTERM");
    expect(await program.ended).toMatchObject({ code: 0, signal: null });
    expect(new Set(sink.spans.map(({ spanId }) => spanId)).size).toBe(20);
  });
});

test("an exporter of one's own is flushed at the end as well", async () => {
  sink = await startHttpSink();
  const ended = await start("own-exporter.cjs", sink.endpoint, { args: [], env: SLOW }).ended;
  expect(ended).toMatchObject({ code: 0, stdout: "exported first\n" });
});

describe("without a collector", () => {
  beforeEach(async () => {
    sink = await startHttpSink();
  });

  test.each(["return", "exit", "shutdown"])(
    "a script that ends by %s says once that its spans are lost",
    async (END) => {
      const ended = await start("script.cjs", NOBODY, { env: { ...SLOW, END } }).ended;
      expect(ended.code).toBe(END === "exit" ? 3 : 0);
      expect(ended.stderr.match(/3 spans were not delivered within/g)).toHaveLength(1);
      expect(ended.stderr.match(/spans do not reach/g) ?? []).toHaveLength(END === "exit" ? 0 : 1);
      if (END === "shutdown") expect(ended.stdout).toContain("verdict false");
    },
  );

  test("one that takes connections and never answers is given up at the deadline", async () => {
    sink.behaviour = { delayMillis: 60_000 };
    const ended = await start("script.cjs", sink.endpoint, { env: SLOW }).ended;
    expect(ended.code).toBe(0);
    expect(ended.stderr).toContain("3 spans were not delivered within 2000 ms");
  });

  test("a busy server warns once and not once a span", async () => {
    const program = start("server.cjs", NOBODY, { env: { OTEL_BSP_SCHEDULE_DELAY: "20" } });
    const port = await program.said("port");
    for (let index = 0; index < 50; index++) await fetch(`http://127.0.0.1:${port}/`);
    await sleep(300);
    const { stderr } = await program.stop();
    expect(stderr.split("\n").filter((line) => line.includes("do not reach"))).toHaveLength(1);
  });
});
