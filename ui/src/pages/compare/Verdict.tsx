/** The comparison in a sentence: how much longer B took, and what most of it is. */

import { useMemo } from "react";
import type { Difference } from "@/model/compare";
import { formatDuration, formatShare } from "@/model/format";
import { rootRow, type TraceData } from "@/model/traceData";
import { Delta } from "./changes";
import styles from "./ComparePage.module.css";

interface VerdictProps {
  readonly a: TraceData;
  readonly b: TraceData;
  readonly differences: readonly Difference[];
}

export function Verdict({ a, b, differences }: VerdictProps) {
  const [before, after] = [a, b].map((trace) => trace.duration[rootRow(trace)] ?? 0) as [
    number,
    number,
  ];
  const delta = after - before;
  // What went the way of the whole the furthest.
  const largest = useMemo(
    () =>
      differences.reduce<Difference | null>(
        (most, one) =>
          Math.sign(delta) * one.critical > Math.sign(delta) * (most?.critical ?? 0) ? one : most,
        null,
      ),
    [differences, delta],
  );
  if (!delta) return <p className={styles.verdict}>Both took {formatDuration(after)}.</p>;
  return (
    <p className={styles.verdict}>
      B took{" "}
      <strong>
        {formatDuration(Math.abs(delta))} {delta > 0 ? "longer" : "less"}
      </strong>
      {before ? ` than A (${proportion(before, after)})` : null}.
      {largest ? (
        <>
          {" "}
          The largest part is{" "}
          <strong>
            {largest.node.service} {largest.node.name}
          </strong>{" "}
          with <Delta nanos={largest.critical} />
          {largest.count ? `, ${largest.a?.count ?? 0} → ${largest.b?.count ?? 0} spans` : ""}.
        </>
      ) : null}
    </p>
  );
}

/** `+12.5 %`, or `4.2 times as long` from the double on. */
function proportion(before: number, after: number): string {
  if (after >= 2 * before) return `${(after / before).toFixed(1)} times as long`;
  return `${after > before ? "+" : "−"}${formatShare(Math.abs(after - before) / before)}`;
}
