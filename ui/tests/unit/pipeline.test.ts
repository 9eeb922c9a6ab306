import { describe, expect, it } from "vitest";
import {
  addSnapshot,
  countLost,
  formatPerSecond,
  formatQueue,
  fullestQueue,
  groupErrors,
  keptShare,
  layOut,
  queueOf,
  rateBetween,
  rateNow,
  ratesOf,
  takeSnapshot,
  type Component,
  type Counts,
  type Pipeline,
  type Snapshot,
} from "@/model/pipeline";

const KEY = "receivers/otlp";

function snapshot(
  atSeconds: number,
  accepted: number,
  more: Partial<Counts> = {},
  started = 0,
): Snapshot {
  const counts = { accepted, refused: 0, dropped: 0, ...more };
  return { startedMicros: started, atMicros: atSeconds * 1e6, counts: new Map([[KEY, counts]]) };
}

function component(kind: Component["kind"], id: string, more: Partial<Component> = {}): Component {
  return {
    kind,
    id,
    pipelines: [],
    addresses: {},
    accepted: 0,
    refused: 0,
    refused_requests: {},
    dropped: 0,
    dropped_reasons: {},
    errors: [],
    queue_size: null,
    queue_capacity: null,
    queue_unit: "",
    ...more,
  };
}

describe("rates", () => {
  it("are the growth of counters by the seconds between two answers", () => {
    const before = snapshot(100, 1000, { refused: 10, dropped: 1 });
    const after = snapshot(104, 1600, { refused: 30, dropped: 2 });
    expect(rateBetween(before, after, [KEY])).toEqual({
      atMicros: 104e6,
      accepted: 150,
      refused: 5,
      dropped: 0.25,
    });
  });

  it("add up over components", () => {
    const both = (at: number, one: number, other: number): Snapshot => ({
      startedMicros: 0,
      atMicros: at * 1e6,
      counts: new Map([
        ["receivers/otlp", { accepted: one, refused: 0, dropped: 0 }],
        ["receivers/otlp/away", { accepted: other, refused: 0, dropped: 0 }],
      ]),
    });
    const keys = ["receivers/otlp", "receivers/otlp/away"];
    expect(rateBetween(both(0, 0, 0), both(2, 10, 4), keys)?.accepted).toBe(7);
  });

  it("of a counter that began again count what it has since", () => {
    expect(rateBetween(snapshot(0, 1000), snapshot(2, 30), [KEY])?.accepted).toBe(15);
  });

  it("are not known across a restart, without time between, or of a new component", () => {
    expect(rateBetween(snapshot(0, 5), snapshot(2, 9, {}, 1), [KEY])).toBeNull();
    expect(rateBetween(snapshot(2, 5), snapshot(2, 9), [KEY])).toBeNull();
    expect(rateBetween(snapshot(0, 5), snapshot(2, 9), ["exporters/new"])).toBeNull();
  });

  it("of now are those of the last ten seconds, or of the last two answers", () => {
    const history = [0, 2, 4, 6, 8, 10, 12].map((at) => snapshot(at, at < 4 ? 0 : at * 10));
    // From second 2, when nothing had come, to second 12.
    expect(rateNow(history, [KEY])?.accepted).toBe(12);
    expect(rateNow([snapshot(0, 0), snapshot(60, 120)], [KEY])?.accepted).toBe(2);
    expect(rateNow([snapshot(0, 7)], [KEY])).toBeNull();
  });

  it("of the past are one for each pair of answers", () => {
    const history = [snapshot(0, 0), snapshot(2, 4), snapshot(4, 4)];
    expect(ratesOf(history, [KEY]).map(({ accepted }) => accepted)).toEqual([2, 0]);
  });
});

describe("addSnapshot", () => {
  it("keeps five minutes, forgets another run, and takes no answer twice", () => {
    const old = [snapshot(0, 0), snapshot(100, 1)];
    expect(addSnapshot(old, snapshot(301, 2)).map(({ atMicros }) => atMicros / 1e6)).toEqual([
      100, 301,
    ]);
    expect(addSnapshot(old, snapshot(100, 1))).toBe(old);
    expect(addSnapshot(old, snapshot(101, 0, {}, 99))).toHaveLength(1);
  });

  it("takes from an answer what is counted", () => {
    const taken = takeSnapshot({
      started_micros: 1,
      now_micros: 2,
      components: [component("receivers", "otlp", { accepted: 3, refused: 4, dropped: 5 })],
    } as unknown as Pipeline);
    expect(taken).toEqual({
      startedMicros: 1,
      atMicros: 2,
      counts: new Map([[KEY, { accepted: 3, refused: 4, dropped: 5 }]]),
    });
  });
});

it("lays lanes below those that feed them, and joins them by connectors", () => {
  const lane = (receivers: string[], exporters: string[], connectors: string[]) => ({
    receivers,
    processors: ["batch"],
    exporters,
    connectors,
  });
  const { lanes, joins, extensions } = layOut({
    pipelines: {
      "traces/last": lane(["forward"], ["clickhouse"], ["forward"]),
      "traces/first": lane(["otlp"], ["forward"], ["forward"]),
    },
    components: [
      component("receivers", "otlp"),
      component("processors", "batch"),
      component("connectors", "forward"),
      component("exporters", "clickhouse"),
      component("extensions", "query"),
    ],
  });
  expect(lanes.map(({ name }) => name)).toEqual(["traces/first", "traces/last"]);
  expect(lanes[1]?.receivers.map(({ kind, id }) => [kind, id])).toEqual([
    ["connectors", "forward"],
  ]);
  expect(lanes[1]?.processors.map(({ id }) => id)).toEqual(["batch"]);
  expect(joins).toEqual([{ connector: "forward", from: "traces/first", to: "traces/last" }]);
  expect(extensions.map(({ id }) => id)).toEqual(["query"]);
});

it("finds the fullest queue, and writes how full it is", () => {
  const queue = (id: string, size: number, capacity: number, unit: string) =>
    component("exporters", id, { queue_size: size, queue_capacity: capacity, queue_unit: unit });
  const components = [
    queue("clickhouse", 1536, 4 * 2 ** 30, "bytes"),
    queue("otlp_http", 240, 300, "requests"),
    component("exporters", "debug"),
  ];
  const fullest = fullestQueue(components);
  expect(fullest).toEqual({
    id: "otlp_http",
    size: 240,
    capacity: 300,
    unit: "requests",
    share: 0.8,
  });
  expect(formatQueue(fullest!)).toBe("240 of 300 requests");
  expect(formatQueue(queueOf(components[0]!)!)).toBe("1.50 KiB of 4.00 GiB");
  expect(fullestQueue([components[2]!])).toBeNull();
});

it("tells what a sampler kept, and that it lost nothing", () => {
  const sampler = component("processors", "probabilistic_sampler/some", {
    accepted: 1000,
    dropped: 752,
    dropped_reasons: { "sampled out": 750, "refused for good further on": 2 },
  });
  expect(keptShare(sampler)).toBe(0.25);
  expect(countLost(sampler)).toBe(2);
  expect(keptShare(component("processors", "probabilistic_sampler"))).toBeNull();
  expect(keptShare(component("processors", "batch", { accepted: 5 }))).toBeNull();
});

it("puts errors with the same message together, the last first", () => {
  const error = (at_micros: number, message: string, spans: number) => ({
    at_micros,
    message,
    spans,
  });
  expect(
    groupErrors([error(30, "refused", 5), error(40, "full", 1), error(20, "refused", 7)]),
  ).toEqual([
    { message: "full", times: 1, lastMicros: 40, spans: 1 },
    { message: "refused", times: 2, lastMicros: 30, spans: 12 },
  ]);
});

it.each([
  [0, "0 /s"],
  [0.04, "<0.1 /s"],
  [0.25, "0.3 /s"],
  [9.94, "9.9 /s"],
  [9.96, "10 /s"],
  [1234, "1,234 /s"],
  [12_345, "12.3 k/s"],
])("writes %d spans a second as %s", (rate, text) => {
  expect(formatPerSecond(rate)).toBe(text);
});
