/** How differences are shown: by colour, by sign and by word. */

import type { Change, Difference } from "@/model/compare";
import { formatDuration } from "@/model/format";
import styles from "./changes.module.css";

export const CHANGES: readonly Change[] = ["added", "removed", "changed", "same"];

export const SIGNS: Readonly<Record<Change, string>> = {
  added: "+",
  removed: "−",
  changed: "≈",
  same: "=",
};

export const WORDS: Readonly<Record<Change, string>> = {
  added: "Only in B",
  removed: "Only in A",
  changed: "Changed",
  same: "Same",
};

/** Sign and word of a change; `count` stands behind it where there is one. */
export function ChangeMark({
  change,
  count,
}: {
  readonly change: Change;
  readonly count?: number | undefined;
}) {
  return (
    <span className={`${styles.mark} ${styles[change]}`}>
      <span className={styles.sign} aria-hidden>
        {SIGNS[change]}
      </span>
      {WORDS[change]}
      {count === undefined ? null : <span className={styles.count}>{count}</span>}
    </span>
  );
}

/** A difference of times, with its sign; longer is marked. */
export function Delta({ nanos }: { readonly nanos: number }) {
  const exact = `${nanos > 0 ? "+" : ""}${Math.round(nanos).toLocaleString("en-US")} ns`;
  return (
    <span
      className={nanos > 0 ? styles.longer : nanos < 0 ? styles.shorter : styles.alike}
      title={exact}
    >
      {signed(nanos)}
    </span>
  );
}

export function signed(nanos: number): string {
  const rounded = Math.round(nanos);
  return rounded === 0 ? "0" : `${rounded > 0 ? "+" : ""}${formatDuration(rounded)}`;
}

/** `3`, or `3 → 5` where the two differ. */
export function Counts({ a, b }: { readonly a: number; readonly b: number }) {
  if (a === b) return a.toLocaleString("en-US");
  return (
    <span className={styles.counts}>
      {a.toLocaleString("en-US")}
      <span aria-label="to"> → </span>
      {b.toLocaleString("en-US")}
    </span>
  );
}

/** Two bars, A above B, of lengths that compare with each other and with all rows. */
export function TwoBars({
  difference,
  longest,
}: {
  readonly difference: Difference;
  readonly longest: number;
}) {
  const [a, b] = [difference.a?.duration ?? 0, difference.b?.duration ?? 0];
  const width = (nanos: number) => (longest > 0 ? `${(100 * nanos) / longest}%` : "0");
  return (
    <span className={styles.bars} aria-hidden>
      <span className={styles.barOfA} style={{ width: width(a) }} />
      <span className={styles.barOfB} style={{ width: width(b) }} />
    </span>
  );
}
