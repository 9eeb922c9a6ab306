/** Both traces as one tree of paths, with what differs on each. */

import { ExternalLink } from "lucide-react";
import { useMemo } from "react";
import { Link } from "wouter";
import type { ServiceColor } from "@/model/colors";
import { shownDifferences, type Difference } from "@/model/compare";
import { formatDuration } from "@/model/format";
import type { PathSide } from "@/model/paths";
import { toggled } from "@/model/toggled";
import type { TraceData } from "@/model/traceData";
import { Duration } from "@/parts/Figures";
import { useNarrow } from "@/parts/narrow";
import { ServiceMark } from "@/parts/ServiceMark";
import { VirtualTable, type VirtualColumn } from "@/parts/VirtualTable";
import { linkTo } from "@/url/location";
import { ChangeMark, Counts, Delta, TwoBars } from "./changes";
import changeStyles from "./changes.module.css";
import styles from "./DifferenceTable.module.css";

export interface DifferencesProps {
  readonly traces: readonly [a: TraceData, b: TraceData];
  readonly differences: readonly Difference[];
  readonly colors: ReadonlyMap<string, ServiceColor>;
  readonly isWanted: (difference: Difference) => boolean;
}

interface TreeProps extends DifferencesProps {
  readonly collapsed: ReadonlySet<number>;
  onCollapse(collapsed: ReadonlySet<number>): void;
}

export function DifferenceTree(props: TreeProps) {
  const { differences, collapsed, isWanted, onCollapse } = props;
  const shown = useMemo(
    () => shownDifferences(differences, isWanted, collapsed),
    [differences, isWanted, collapsed],
  );
  const columns = useColumns(props);
  const narrowColumns = useNarrowColumns(props);
  return (
    <VirtualTable
      caption="Paths of both traces"
      columns={useNarrow() ? narrowColumns : columns}
      rows={shown}
      rowKey={(index) => index}
      tree={{
        level: (index) => differences[index]!.node.depth,
        expanded: (index) =>
          differences[index]!.node.next > index + 1 ? !collapsed.has(index) : null,
        onToggle: (index) => onCollapse(toggled(collapsed, index)),
      }}
      rowClass={(index) => styles[differences[index]!.change]}
      empty="No path is of the kinds shown. Turn more of them on."
    />
  );
}

function useColumns({ differences, traces, colors }: DifferencesProps) {
  const longest = useMemo(
    () =>
      differences.reduce((most, { a, b }) => Math.max(most, a?.duration ?? 0, b?.duration ?? 0), 0),
    [differences],
  );
  return useMemo((): VirtualColumn<number>[] => {
    const of = (index: number) => differences[index]!;
    const { path, change, spans, open } = commonColumns(differences, traces, colors);
    return [
      path,
      change,
      { ...spans, hint: "Spans on the path, in A and in B where these differ" },
      {
        key: "bars",
        title: "A over B",
        hint: "Time of all spans on the path: A above, B below",
        width: 120,
        grow: 2,
        render: (index) => <TwoBars difference={of(index)} longest={longest} />,
      },
      ...timeColumns(of),
      open,
    ];
  }, [differences, traces, colors, longest]);
}

function useNarrowColumns({ differences, traces, colors }: DifferencesProps) {
  return useMemo((): VirtualColumn<number>[] => {
    const of = (index: number) => differences[index]!;
    return [
      narrowPath(differences, traces, colors),
      {
        key: "duration",
        title: "Δ duration",
        hint: "B less A, and the time of all spans on the path in both",
        numeric: true,
        width: 128,
        render: (index) => (
          <span className={`${styles.stack} ${styles.numbers}`}>
            <Delta nanos={of(index).duration} />
            <span className={styles.small}>
              {timeOf(of(index).a)} → {timeOf(of(index).b)}
            </span>
          </span>
        ),
      },
    ];
  }, [differences, traces, colors]);
}

function timeOf(side: PathSide | null): string {
  return side ? formatDuration(side.duration) : "–";
}

/** What each table of differences tells of a path. */
export function commonColumns(
  differences: readonly Difference[],
  traces: DifferencesProps["traces"],
  colors: DifferencesProps["colors"],
): Record<"path" | "change" | "spans" | "open", VirtualColumn<number>> {
  const of = (index: number) => differences[index]!;
  return {
    path: {
      key: "path",
      title: "Service and operation",
      width: 300,
      grow: 3,
      render: (index) => <PathName difference={of(index)} colors={colors} />,
    },
    change: {
      key: "change",
      title: "Change",
      width: 104,
      render: (index) => <ChangeMark change={of(index).change} />,
    },
    spans: {
      key: "spans",
      title: "Spans",
      numeric: true,
      width: 84,
      render: (index) => <Counts a={of(index).a?.count ?? 0} b={of(index).b?.count ?? 0} />,
    },
    open: {
      key: "open",
      title: "Open",
      hint: "The longest span on the path, in its trace",
      width: 92,
      render: (index) => <OpenLinks difference={of(index)} traces={traces} />,
    },
  };
}

/** Where there is room for little: the path, and below it how it changed. */
export function narrowPath(
  differences: readonly Difference[],
  traces: DifferencesProps["traces"],
  colors: DifferencesProps["colors"],
): VirtualColumn<number> {
  return {
    key: "path",
    title: "Service and operation",
    width: 200,
    grow: 1,
    render: (index) => {
      const difference = differences[index]!;
      return (
        <span className={styles.stack}>
          <PathName difference={difference} colors={colors} />
          <span className={styles.path}>
            <ChangeMark change={difference.change} />
            <OpenLinks difference={difference} traces={traces} />
          </span>
        </span>
      );
    },
  };
}

function timeColumns(of: (index: number) => Difference): VirtualColumn<number>[] {
  const time = (side: "a" | "b"): VirtualColumn<number> => ({
    key: side,
    title: side.toUpperCase(),
    hint: `Time of all spans on the path in ${side.toUpperCase()}`,
    numeric: true,
    width: 82,
    render: (index) => {
      const nanos = of(index)[side]?.duration;
      return nanos === undefined ? (
        <span className={changeStyles.alike}>–</span>
      ) : (
        <Duration nanos={nanos} />
      );
    },
  });
  return [
    time("a"),
    time("b"),
    {
      key: "duration",
      title: "Δ duration",
      hint: "B less A",
      numeric: true,
      width: 92,
      render: (index) => <Delta nanos={of(index).duration} />,
    },
    {
      key: "self",
      title: "Δ self time",
      hint: "B less A, of the time in which no child ran",
      numeric: true,
      width: 92,
      render: (index) => <Delta nanos={of(index).self} />,
    },
  ];
}

export function PathName({
  difference: { node, errors },
  colors,
}: {
  readonly difference: Difference;
  readonly colors: ReadonlyMap<string, ServiceColor>;
}) {
  return (
    <span className={styles.path} title={`${node.service}: ${node.name}`}>
      <ServiceMark color={colors.get(node.service)!} />
      <span className={styles.service}>{node.service}</span>
      <span className={styles.operation}>{node.name}</span>
      {errors > 0 ? <span className={styles.errors}>+{errors} failed</span> : null}
    </span>
  );
}

export function OpenLinks({
  difference,
  traces,
}: Pick<DifferencesProps, "traces"> & { readonly difference: Difference }) {
  return (
    <span className={styles.links}>
      {(["a", "b"] as const).map((side, index) => {
        const row = difference[side]?.row;
        const trace = traces[index]!;
        if (row === undefined) return <span key={side} className={styles.noLink} />;
        return (
          <Link
            key={side}
            href={linkTo(`/trace/${trace.traceId}`, { sel: trace.spanId(row) })}
            className={styles.link}
            aria-label={`Open the longest span of ${difference.node.name} in ${side.toUpperCase()}`}
          >
            {side.toUpperCase()}
            <ExternalLink size={12} aria-hidden />
          </Link>
        );
      })}
    </span>
  );
}
