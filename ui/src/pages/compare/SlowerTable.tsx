/** What made B slower, or faster, path by path: the largest part of the difference, of either sign, first. */

import { useMemo, useState } from "react";
import type { Difference } from "@/model/compare";
import { useNarrow } from "@/parts/narrow";
import type { Sort } from "@/parts/SortableTable";
import { VirtualTable, type VirtualColumn } from "@/parts/VirtualTable";
import { Delta } from "./changes";
import { commonColumns, narrowPath, type DifferencesProps } from "./DifferenceTree";
import styles from "./DifferenceTable.module.css";

/** Sizes: what takes much less stands as high as what takes much more. */
const SORTS: Readonly<Record<string, (difference: Difference) => number>> = {
  critical: ({ critical }) => Math.abs(critical),
  self: ({ self }) => Math.abs(self),
  duration: ({ duration }) => Math.abs(duration),
  spans: ({ count }) => Math.abs(count),
};

export function SlowerTable(props: DifferencesProps) {
  const { differences, isWanted } = props;
  const [sort, setSort] = useState<Sort>({ key: "critical", descending: true });
  const rows = useMemo(() => {
    const by = SORTS[sort.key]!;
    const direction = sort.descending ? -1 : 1;
    return [...differences.keys()]
      .filter((index) => isWanted(differences[index]!) && differs(differences[index]!))
      .sort((one, other) => direction * (by(differences[one]!) - by(differences[other]!)));
  }, [differences, isWanted, sort]);
  const columns = useColumns(props);
  const narrowColumns = useNarrowColumns(props);
  return (
    <VirtualTable
      caption="What got slower or faster"
      columns={useNarrow() ? narrowColumns : columns}
      rows={rows}
      rowKey={(index) => index}
      sort={sort}
      onSort={setSort}
      empty="Nothing of the kinds shown differs."
    />
  );
}

function differs({ critical, self, duration, count }: Difference): boolean {
  return critical !== 0 || self !== 0 || duration !== 0 || count !== 0;
}

const CONTRIBUTION_HINT =
  "B less A, of the time on the critical path: all rows add up to the difference of the traces";

function useColumns({ differences, traces, colors }: DifferencesProps) {
  return useMemo((): VirtualColumn<number>[] => {
    const largest = differences.reduce(
      (most, { critical }) => Math.max(most, Math.abs(critical)),
      0,
    );
    const of = (index: number) => differences[index]!;
    const { path, change, spans, open } = commonColumns(differences, traces, colors);
    const delta = (key: "critical" | "self" | "duration", title: string, hint: string) => ({
      key,
      title,
      hint,
      numeric: true,
      sortable: true,
      width: key === "critical" ? 150 : 116,
      render: (index: number) =>
        key === "critical" ? (
          <Contribution nanos={of(index).critical} />
        ) : (
          <Delta nanos={of(index)[key]} />
        ),
    });
    return [
      { ...path, width: 280 },
      change,
      delta("critical", "Contribution", CONTRIBUTION_HINT),
      {
        key: "bar",
        title: "Faster | slower",
        hint: "The contribution as a bar",
        width: 140,
        grow: 2,
        render: (index) => <SignedBar value={of(index).critical} largest={largest} />,
      },
      delta("self", "Δ self time", "B less A, of the time in which no child ran"),
      delta("duration", "Δ duration", "B less A, of all spans on the path"),
      { ...spans, sortable: true },
      open,
    ];
  }, [differences, traces, colors]);
}

/** Two columns of two lines each. */
function useNarrowColumns({ differences, traces, colors }: DifferencesProps) {
  return useMemo((): VirtualColumn<number>[] => {
    const of = (index: number) => differences[index]!;
    return [
      narrowPath(differences, traces, colors),
      {
        key: "critical",
        title: "Contribution",
        hint: CONTRIBUTION_HINT,
        numeric: true,
        sortable: true,
        width: 128,
        render: (index) => (
          <span className={`${styles.stack} ${styles.numbers}`}>
            <Contribution nanos={of(index).critical} />
            <span className={styles.small}>
              Δ duration <Delta nanos={of(index).duration} />
            </span>
          </span>
        ),
      },
    ];
  }, [differences, traces, colors]);
}

/** A difference, and in a word what it does. */
function Contribution({ nanos }: { readonly nanos: number }) {
  return (
    <span className={styles.contribution}>
      <Delta nanos={nanos} />
      {Math.round(nanos) ? <span>{nanos > 0 ? "slower" : "faster"}</span> : null}
    </span>
  );
}

function SignedBar({ value, largest }: { readonly value: number; readonly largest: number }) {
  const share = largest > 0 ? (50 * Math.abs(value)) / largest : 0;
  return (
    <span className={styles.track} aria-hidden>
      {value ? (
        <span className={value > 0 ? styles.more : styles.less} style={{ width: `${share}%` }} />
      ) : null}
    </span>
  );
}
