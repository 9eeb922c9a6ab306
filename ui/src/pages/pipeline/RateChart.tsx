/**
 * Accepted, refused and dropped spans a second over the last minutes, as lines: accepted is
 * drawn through and filled, refused dashed, dropped dotted.
 */

import type { Counts, Rate } from "@/model/pipeline";
import styles from "./RateChart.module.css";

const WIDTH = 300;
const HEIGHT = 40;
const SHORTEST_MICROS = 60e6;
const LINES = ["accepted", "refused", "dropped"] as const;

/** Fills the width it is given; says nothing to screen readers, as its numbers stand beside it. */
export function RateChart({
  rates,
  height,
}: {
  readonly rates: readonly Rate[];
  readonly height: number;
}) {
  const times: Times = { begin: beginOf(rates), end: rates.at(-1)?.atMicros ?? 0 };
  const highest = Math.max(0, ...rates.flatMap((rate) => LINES.map((line) => rate[line])));
  const path = (line: keyof Counts) => drawLine(rates, line, times, highest);
  return (
    <svg
      className={styles.chart}
      style={{ height }}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden
    >
      <line className={styles.base} x1="0" x2={WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} />
      {highest > 0 && rates.length > 1 ? (
        <>
          <path
            className={styles.area}
            d={`${path("accepted")}V${HEIGHT}H${place(rates[0]!.atMicros, times)}Z`}
          />
          {LINES.filter((line) => rates.some((rate) => rate[line] > 0)).map((line) => (
            <path key={line} className={styles[line]} d={path(line)} />
          ))}
        </>
      ) : null}
    </svg>
  );
}

interface Times {
  readonly begin: number;
  readonly end: number;
}

/** The chart is of all that is known, and of a minute at least. */
function beginOf(rates: readonly Rate[]): number {
  const end = rates.at(-1)?.atMicros ?? 0;
  return Math.min(rates[0]?.atMicros ?? end, end - SHORTEST_MICROS);
}

function place(atMicros: number, { begin, end }: Times): string {
  return ((WIDTH * (atMicros - begin)) / (end - begin)).toFixed(1);
}

function drawLine(
  rates: readonly Rate[],
  line: keyof Counts,
  times: Times,
  highest: number,
): string {
  const points = rates.map((rate) => {
    const y = HEIGHT - 1 - (rate[line] / highest) * (HEIGHT - 3);
    return `${place(rate.atMicros, times)} ${y.toFixed(1)}`;
  });
  return `M${points.join("L")}`;
}
