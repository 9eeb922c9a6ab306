/** What spans add up to, grouped by up to two things they have in common. */

import { CircleAlert } from "lucide-react";
import { useMemo, useState } from "react";
import { formatShare } from "@/model/format";
import { attributeKeys, valueReader } from "@/model/spanTable";
import { groupSpans, type Group, type KeyOf } from "@/model/statistics";
import { toggled } from "@/model/toggled";
import { at } from "@/model/trace";
import { nameOf, serviceOf, type TraceData } from "@/model/traceData";
import { SelectField } from "@/parts/Field";
import { Duration } from "@/parts/Figures";
import { ServiceMark } from "@/parts/ServiceMark";
import type { Sort } from "@/parts/SortableTable";
import { VirtualTable, type VirtualColumn } from "@/parts/VirtualTable";
import { useUrl } from "@/url/location";
import type { ViewProps } from "./props";
import { describeCount, describeFilter, useMatches, useShownRows } from "./shownRows";
import styles from "./View.module.css";

const FIELDS: readonly (readonly [value: string, text: string])[] = [
  ["service", "Service"],
  ["operation", "Operation"],
  ["kind", "Kind"],
  ["status", "Status"],
];

/** A group as a line, with what it is grouped by. */
interface Line {
  readonly group: Group;
  readonly by: string;
  /** The group it is part of; null at the first level. */
  readonly above: Group | null;
  readonly id: string;
}

export default function StatisticsView(props: ViewProps) {
  const { trace, colors, onSelect } = props;
  const { params, change } = useUrl();
  const by = params.get("by") ?? "service";
  const second = params.get("then") ?? (by === "service" ? "operation" : "none");
  const rows = useShownRows(props);
  const matches = useMatches(props);
  const groups = useMemo(
    () =>
      groupSpans(
        trace,
        rows,
        keyReader(trace, by),
        second === "none" ? null : keyReader(trace, second),
      ),
    [trace, rows, by, second],
  );
  const [sort, setSort] = useState<Sort>({ key: "share", descending: true });
  const [collapsed, setCollapsed] = useState<ReadonlySet<string>>(new Set());
  const matching = useMemo(() => countMatches(groups, matches), [groups, matches]);
  const columns = useMemo(
    (): VirtualColumn<Line>[] => [
      {
        key: "key",
        title: second === "none" ? titleOf(by) : `${titleOf(by)}, ${titleOf(second)}`,
        sortable: true,
        width: 240,
        grow: 3,
        render: (line) => (
          <GroupName line={line} colors={colors} matches={matching.get(line.group)} />
        ),
      },
      ...figureColumns(trace, onSelect),
    ],
    [trace, colors, onSelect, by, second, matching],
  );
  const lines = useMemo(
    () => linesOf(groups, by, second, collapsed, sort),
    [groups, by, second, collapsed, sort],
  );
  const keys = useMemo(() => attributeKeys(trace), [trace]);
  const options = [...FIELDS, ...keys.map((key) => [`@${key}`, key] as const)];
  return (
    <section className={styles.view} aria-label="Statistics">
      <div className={styles.tools}>
        <div className={styles.choose}>
          <span aria-hidden>Group by</span>
          <SelectField
            label="Group by"
            hideLabel
            options={options}
            value={by}
            onChange={(event) =>
              change({ by: event.currentTarget.value, then: second }, { replace: true })
            }
          />
        </div>
        <div className={styles.choose}>
          <span aria-hidden>then by</span>
          <SelectField
            label="Then by"
            hideLabel
            options={[["none", "nothing"], ...options]}
            value={second}
            onChange={(event) => change({ by, then: event.currentTarget.value }, { replace: true })}
          />
        </div>
        <span className={styles.count} role="status">
          {describeFilter(props)}
          {describeCount(groups.length, groups.length, "group")} of{" "}
          {describeCount(rows.length, trace.count, "span")}
        </span>
      </div>
      <VirtualTable
        caption="Statistics of groups of spans"
        columns={columns}
        rows={lines}
        rowKey={({ id }) => id}
        sort={sort}
        onSort={setSort}
        marked={({ group }) => matching.has(group)}
        tree={{
          level: ({ above }) => (above ? 1 : 0),
          expanded: ({ group, id }) => (group.groups.length ? !collapsed.has(id) : null),
          onToggle: ({ id }) => setCollapsed(toggled(collapsed, id)),
        }}
        onOpen={(line) => {
          const find = findOf(line);
          if (find) change({ uiFind: find, v: null });
          else onSelect(longestOf(trace, line.group, "duration"));
        }}
        empty="There is no span to group."
      />
    </section>
  );
}

/** How many spans of each group match; groups without any are left out. */
function countMatches(
  groups: readonly Group[],
  matches: Uint8Array | null,
  counts = new Map<Group, number>(),
): ReadonlyMap<Group, number> {
  if (!matches) return counts;
  for (const group of groups) {
    const count = group.rows.reduce((sum, row) => sum + at(matches, row), 0);
    if (count) counts.set(group, count);
    countMatches(group.groups, matches, counts);
  }
  return counts;
}

function titleOf(by: string): string {
  return FIELDS.find(([value]) => value === by)?.[1] ?? by.slice(1);
}

function keyReader(trace: TraceData, by: string): KeyOf {
  if (by === "service") return (row) => serviceOf(trace, row);
  if (by === "operation") return (row) => nameOf(trace, row);
  if (by === "kind") return (row) => trace.kind(row);
  if (by === "status") return (row) => trace.status(row);
  const read = valueReader(trace, by.slice(1));
  return (row) => String(read(row));
}

/** The search that finds a group's spans; empty where none does. */
function findOf({ group, by }: Line): string {
  if (!group.key) return "";
  if (by === "service" || by === "operation") return quoted(group.key);
  return by.startsWith("@") ? quoted(`${by.slice(1)}=${group.key}`) : "";
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', "")}"`;
}

const SORT_BY: Readonly<Record<string, (group: Group) => number | string>> = {
  key: ({ key }) => key,
  count: ({ count }) => count,
  errors: ({ errors }) => errors,
  share: ({ share }) => share,
  ...Object.fromEntries(
    (["duration", "self"] as const).flatMap((time) =>
      (["total", "average", "min", "max", "p95"] as const).map((part) => [
        `${time}.${part}`,
        (group: Group) => group[time][part],
      ]),
    ),
  ),
};

function linesOf(
  groups: readonly Group[],
  by: string,
  second: string,
  collapsed: ReadonlySet<string>,
  { key, descending }: Sort,
): Line[] {
  const value = SORT_BY[key]!;
  const sorted = (unsorted: readonly Group[]) =>
    unsorted.toSorted((one, other) => {
      const [a, b] = [value(one), value(other)];
      return (descending ? -1 : 1) * (a < b ? -1 : a > b ? 1 : 0);
    });
  return sorted(groups).flatMap((group) => {
    const line: Line = { group, by, above: null, id: group.key };
    if (collapsed.has(line.id)) return [line];
    const below = sorted(group.groups).map((one): Line => ({
      group: one,
      by: second,
      above: group,
      id: `${group.key}\n${one.key}`,
    }));
    return [line, ...below];
  });
}

function GroupName({
  line: { group, by },
  colors,
  matches,
}: {
  readonly line: Line;
  readonly colors: ViewProps["colors"];
  readonly matches: number | undefined;
}) {
  const color = by === "service" ? colors.get(group.key) : undefined;
  return (
    <span className={styles.name} title={group.key}>
      {color ? <ServiceMark color={color} /> : null}
      {matches ? (
        <span className={styles.matches}>{matches.toLocaleString("en-US")} found</span>
      ) : null}
      {group.key ? <span>{group.key}</span> : <span className={styles.muted}>not told</span>}
    </span>
  );
}

function figureColumns(trace: TraceData, onSelect: ViewProps["onSelect"]): VirtualColumn<Line>[] {
  const figure = (
    key: string,
    title: string,
    hint: string,
    render: (group: Group) => React.ReactNode,
    width = 78,
  ): VirtualColumn<Line> => ({
    ...{ key, title, hint, width, numeric: true, sortable: true },
    render: ({ group }) => render(group),
  });
  const times = (time: "duration" | "self", self: string, of: string) => [
    figure(`${time}.total`, `${self}${self ? "total" : "Total"}`, `All ${of} together`, (group) => (
      <Duration nanos={group[time].total} />
    )),
    figure(`${time}.average`, self ? `${self}avg` : "Avg", `Average ${of}`, (group) => (
      <Duration nanos={group[time].average} />
    )),
    figure(`${time}.min`, self ? `${self}min` : "Min", `Least ${of}`, (group) => (
      <Duration nanos={group[time].min} />
    )),
    figure(`${time}.p95`, self ? `${self}p95` : "p95", `95 % have at most this ${of}`, (group) => (
      <Duration nanos={group[time].p95} />
    )),
    figure(
      `${time}.max`,
      self ? `${self}max` : "Max",
      `Most ${of}; a click shows that span`,
      (group) => <Longest {...{ trace, group, time, onSelect }} />,
    ),
  ];
  return [
    figure("count", "Spans", "How many", ({ count }) => count.toLocaleString("en-US"), 64),
    figure(
      "errors",
      "Errors",
      "Spans whose status is error",
      ({ errors }) =>
        errors ? (
          <span className={styles.error}>
            <CircleAlert size={12} aria-hidden />
            {errors.toLocaleString("en-US")}
          </span>
        ) : (
          "0"
        ),
      66,
    ),
    figure(
      "share",
      "% of trace",
      "Self time as a share of that of the whole trace",
      ({ share }) => formatShare(share),
      104,
    ),
    ...times("duration", "", "duration"),
    ...times("self", "Self ", "self time"),
  ];
}

function longestOf(trace: TraceData, group: Group, time: "duration" | "self"): number {
  return group.rows.find((row) => at(trace[time], row) === group[time].max)!;
}

function Longest({
  trace,
  group,
  time,
  onSelect,
}: {
  readonly trace: TraceData;
  readonly group: Group;
  readonly time: "duration" | "self";
  onSelect(row: number): void;
}) {
  return (
    <button
      type="button"
      className={styles.link}
      tabIndex={-1}
      onClick={(event) => {
        event.stopPropagation();
        onSelect(longestOf(trace, group, time));
      }}
    >
      <Duration nanos={group[time].max} />
    </button>
  );
}
