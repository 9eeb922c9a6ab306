import { expect, it } from "vitest";
import { summarizeTraces, type JaegerTrace } from "@/model/summaries";

type Span = JaegerTrace["spans"][number];

function span(processID: string, startTime: number, duration: number, more: Partial<Span> = {}) {
  return {
    operationName: "work",
    processID,
    startTime,
    duration,
    references: [],
    tags: [],
    ...more,
  };
}

const processes = { p1: { serviceName: "cart" }, p2: { serviceName: "stock" } };
const inside = [{ refType: "CHILD_OF", traceID: "a" }];
const error = [{ key: "error", value: true }];

it("sums up whole traces as the server does, the newest first", () => {
  const old: JaegerTrace = {
    traceID: "a",
    processes,
    spans: [
      span("p2", 30, 500, { references: inside, tags: error }),
      span("p2", 20, 5, { references: inside }),
      span("p1", 10, 100, { operationName: "buy" }),
    ],
  };
  const orphan = {
    traceID: "b",
    processes,
    spans: [span("p1", 90, 1, { references: [{ refType: "CHILD_OF", traceID: "b" }] })],
  };
  const [second, first] = summarizeTraces([old, orphan]);
  expect(first).toEqual({
    trace_id: "a",
    root_service: "cart",
    root_operation: "buy",
    start_micros: 10,
    duration_nanos: 520_000,
    spans: 3,
    errors: 1,
    services: [
      { service: "stock", spans: 2, errors: 1 },
      { service: "cart", spans: 1, errors: 0 },
    ],
  });
  expect(second).toMatchObject({ trace_id: "b", root_service: "", root_operation: "" });
});

it("takes a span that follows another trace for a root", () => {
  const references = [{ refType: "FOLLOWS_FROM", traceID: "other" }];
  const trace = { traceID: "a", processes, spans: [span("p1", 1, 2, { references })] };
  expect(summarizeTraces([trace])[0]?.root_service).toBe("cart");
});
