/**
 * What the Pipeline page works out from the answers of `/pipeline`: how much a second between them,
 * the lanes spans go along, and how full the queues are.
 */

import type { Answers } from "@/api/client";
import { formatBytes, formatCount } from "./format";

export type Pipeline = Answers["Pipeline"];
export type Component = Answers["PipelineComponent"];

/** Spans, counted since the start, or a second. */
export interface Counts {
  readonly accepted: number;
  readonly refused: number;
  readonly dropped: number;
}

/** What all components had counted at one time. */
export interface Snapshot {
  readonly startedMicros: number;
  readonly atMicros: number;
  readonly counts: ReadonlyMap<string, Counts>;
}

/** How much a second between two snapshots; `atMicros` is the later one's. */
export interface Rate extends Counts {
  readonly atMicros: number;
}

export const HISTORY_MICROS = 5 * 60e6;
/** Answers come every two seconds and batches of spans do not: a rate is that of so long. */
export const RATE_MICROS = 10e6;

/** What the server calls it when a sampler leaves a span out. */
const SAMPLED_OUT = "sampled out";

/** Names a component among all of its process. */
export function keyOf({ kind, id }: Component): string {
  return `${kind}/${id}`;
}

export function takeSnapshot(answer: Pipeline): Snapshot {
  return {
    startedMicros: answer.started_micros,
    atMicros: answer.now_micros,
    counts: new Map(
      answer.components.map((component) => {
        const { accepted, refused, dropped } = component;
        return [keyOf(component), { accepted, refused, dropped }];
      }),
    ),
  };
}

/** The snapshots of the last five minutes; what was before a restart is forgotten. */
export function addSnapshot(history: readonly Snapshot[], snapshot: Snapshot): readonly Snapshot[] {
  const last = history.at(-1);
  if (last && last.startedMicros !== snapshot.startedMicros) return [snapshot];
  if (last && last.atMicros >= snapshot.atMicros) return history;
  const oldest = snapshot.atMicros - HISTORY_MICROS;
  return [...history.filter(({ atMicros }) => atMicros >= oldest), snapshot];
}

/**
 * How much a second some components counted together between two snapshots. A counter that is lower
 * than it was has begun again; null where nothing can be told: another run, no time between, or a
 * component that is new.
 */
export function rateBetween(
  before: Snapshot,
  after: Snapshot,
  keys: readonly string[],
): Rate | null {
  const seconds = (after.atMicros - before.atMicros) / 1e6;
  if (before.startedMicros !== after.startedMicros || seconds <= 0) return null;
  const rate = { atMicros: after.atMicros, accepted: 0, refused: 0, dropped: 0 };
  for (const key of keys) {
    const [earlier, later] = [before.counts.get(key), after.counts.get(key)];
    if (!earlier || !later) return null;
    for (const name of ["accepted", "refused", "dropped"] as const) {
      const grown = later[name] - earlier[name];
      rate[name] += (grown < 0 ? later[name] : grown) / seconds;
    }
  }
  return rate;
}

/** The rate of the last ten seconds, or of the last answers where these are further apart. */
export function rateNow(history: readonly Snapshot[], keys: readonly string[]): Rate | null {
  const last = history.at(-1);
  const previous = history.at(-2);
  if (!last || !previous) return null;
  const begin = history.find(({ atMicros }) => atMicros >= last.atMicros - RATE_MICROS);
  return rateBetween(begin && begin !== last ? begin : previous, last, keys);
}

/** The rates from each snapshot to the next, the oldest first. */
export function ratesOf(history: readonly Snapshot[], keys: readonly string[]): readonly Rate[] {
  return history.flatMap((after, index) => {
    const before = history[index - 1];
    const rate = before ? rateBetween(before, after, keys) : null;
    return rate ? [rate] : [];
  });
}

/** `0 /s`, `<0.1 /s`, `0.3 /s`, `1,234 /s`, `12.3 k/s`. */
export function formatPerSecond(rate: number): string {
  if (rate > 0 && rate < 0.1) return "<0.1 /s";
  if (rate < 9.95) return `${Number(rate.toFixed(1))} /s`;
  const count = formatCount(rate);
  return /[a-zA-Z]$/.test(count) ? `${count}/s` : `${count} /s`;
}

/** One pipeline: where its spans come from, what is done to them in this order, where they go. */
export interface Lane {
  readonly name: string;
  readonly receivers: readonly Component[];
  readonly processors: readonly Component[];
  readonly exporters: readonly Component[];
}

/** A connector takes spans from the end of one lane to the beginning of another. */
export interface Join {
  readonly connector: string;
  readonly from: string;
  readonly to: string;
}

export interface Layout {
  readonly lanes: readonly Lane[];
  readonly joins: readonly Join[];
  /** Components that are part of no pipeline, such as what answers this page. */
  readonly extensions: readonly Component[];
}

/** A lane stands below those its spans come from, and else where the configuration has it. */
export function layOut({
  pipelines,
  components,
}: Pick<Pipeline, "pipelines" | "components">): Layout {
  const byKey = new Map(components.map((component) => [keyOf(component), component]));
  const lanes = Object.entries(pipelines).map(([name, ids]): Lane => {
    const find = (kind: "receivers" | "processors" | "exporters") =>
      (ids[kind] ?? []).flatMap((id) => {
        const connects = ids["connectors"]?.includes(id) && kind !== "processors";
        const found = byKey.get(`${connects ? "connectors" : kind}/${id}`);
        return found ? [found] : [];
      });
    return {
      name,
      receivers: find("receivers"),
      processors: find("processors"),
      exporters: find("exporters"),
    };
  });
  const joins = lanes.flatMap((from) =>
    from.exporters
      .filter(({ kind }) => kind === "connectors")
      .flatMap(({ id }) =>
        lanes
          .filter(({ receivers }) =>
            receivers.some((one) => one.kind === "connectors" && one.id === id),
          )
          .map((to): Join => ({ connector: id, from: from.name, to: to.name })),
      ),
  );
  return {
    lanes: sortLanes(lanes, joins),
    joins,
    extensions: components.filter(({ kind }) => kind === "extensions"),
  };
}

function sortLanes(lanes: readonly Lane[], joins: readonly Join[]): readonly Lane[] {
  const sorted = new Set<Lane>();
  const visiting = new Set<Lane>();
  const visit = (lane: Lane) => {
    if (sorted.has(lane) || visiting.has(lane)) return;
    visiting.add(lane);
    for (const { from, to } of joins) {
      if (to !== lane.name) continue;
      const feeding = lanes.find(({ name }) => name === from);
      if (feeding) visit(feeding);
    }
    sorted.add(lane);
  };
  lanes.forEach(visit);
  return [...sorted];
}

export interface Queue {
  readonly id: string;
  readonly size: number;
  readonly capacity: number;
  readonly unit: string;
  /** Of one. */
  readonly share: number;
}

/** The queue of a component; null where it has none. */
export function queueOf({ id, queue_size, queue_capacity, queue_unit }: Component): Queue | null {
  if (queue_size === null || queue_capacity === null) return null;
  const share = queue_capacity > 0 ? queue_size / queue_capacity : 0;
  return { id, size: queue_size, capacity: queue_capacity, unit: queue_unit, share };
}

export function fullestQueue(components: readonly Component[]): Queue | null {
  const queues = components.map(queueOf).filter((queue) => queue !== null);
  return queues.reduce<Queue | null>(
    (fullest, queue) => (fullest && fullest.share >= queue.share ? fullest : queue),
    null,
  );
}

/** How full a queue is in its unit: `1.50 KiB of 4.00 GiB`, `12 of 300 requests`. */
export function formatQueue({ size, capacity, unit }: Queue): string {
  if (unit === "bytes") return `${formatBytes(size)} of ${formatBytes(capacity)}`;
  return `${formatCount(size)} of ${formatCount(capacity)} ${unit}`;
}

/** Spans a component lost; those a sampler left out are not lost. */
export function countLost({ dropped, dropped_reasons }: Component): number {
  return dropped - (dropped_reasons[SAMPLED_OUT] ?? 0);
}

/** The share of spans a sampler has kept; null for other components, and before the first span. */
export function keptShare(component: Component): number | null {
  const { id, accepted, dropped_reasons } = component;
  if (id.split("/")[0] !== "probabilistic_sampler" || accepted === 0) return null;
  return 1 - (dropped_reasons[SAMPLED_OUT] ?? 0) / accepted;
}

/** Errors with the same message. */
export interface ErrorGroup {
  readonly message: string;
  readonly times: number;
  readonly lastMicros: number;
  /** How many spans they were about together. */
  readonly spans: number;
}

/** Errors by their message, those that happened last first. */
export function groupErrors(errors: Component["errors"]): readonly ErrorGroup[] {
  const groups = new Map<string, ErrorGroup>();
  for (const { message, at_micros, spans } of errors) {
    const known = groups.get(message);
    groups.set(message, {
      message,
      times: (known?.times ?? 0) + 1,
      lastMicros: Math.max(known?.lastMicros ?? 0, at_micros),
      spans: (known?.spans ?? 0) + spans,
    });
  }
  return [...groups.values()].toSorted((one, other) => other.lastMicros - one.lastMicros);
}

export function receiversOf(components: readonly Component[]): readonly Component[] {
  return components.filter(({ kind }) => kind === "receivers");
}

export function countReceived(components: readonly Component[]): number {
  return receiversOf(components).reduce((sum, { accepted }) => sum + accepted, 0);
}

/** What components of a kind do with the spans that count as accepted. */
export const ACCEPTED: Readonly<Record<Component["kind"], string>> = {
  receivers: "received",
  processors: "taken",
  connectors: "passed on",
  exporters: "delivered",
  extensions: "",
};
