/** Spans over time, errors among them; a stretch of it can be chosen. */

import { useCallback, useMemo } from "react";
import { useSettings } from "@/app/settings";
import { countTicks } from "@/model/axis";
import { formatCount } from "@/model/format";
import {
  barsOf,
  heightsOf,
  windowOfColumns,
  type Bar,
  type Box,
  type Histogram,
} from "@/model/histogram";
import { formatClock, formatTime, type Zone } from "@/model/time";
import type { Window } from "@/model/timeRange";
import { CellChart } from "./CellChart";
import type { Draw } from "./Canvas";
import { drawLevels, drawTimes, LEFT, plotOf, stripes, TOP } from "./plot";

interface ChartProps {
  readonly histogram: Histogram;
  onChoose(window: Window): void;
}

export function TimeHistogram({ histogram, onChoose }: ChartProps) {
  const zone = useSettings((settings) => settings.zone);
  const bars = useMemo(() => barsOf(histogram), [histogram]);
  const draw = useCallback<Draw>(
    (context, size, ink) => {
      const plot = plotOf(size);
      const most = Math.max(...bars.map((bar) => bar.spans), 1);
      const levels = countTicks(most).map(
        (count) => [plot.height * (1 - count / most), formatCount(count)] as const,
      );
      drawLevels(context, size, ink, levels);
      const { start } = windowOfColumns(histogram, 0, 0);
      const { end } = windowOfColumns(histogram, 0, bars.length - 1);
      drawTimes(context, size, ink, { start, end, zone }, (micros) => {
        return ((micros - start) / (end - start)) * plot.width;
      });
      const inks = {
        plain: ink("--accent"),
        failed: stripes(context, ink("--error"), ink("--background")),
      };
      const width = plot.width / bars.length;
      bars.forEach((bar, column) => {
        drawBar(
          context,
          bar,
          { left: LEFT + column * width, width, height: plot.height, most },
          inks,
        );
      });
    },
    [bars, histogram, zone],
  );
  const describe = ({ left, right }: Box) => {
    const window = windowOfColumns(histogram, left, right);
    const chosen = bars.slice(left, right + 1);
    return `${describeWindow(window, zone)}: ${describeCounts(
      chosen.reduce((sum, bar) => sum + bar.spans, 0),
      chosen.reduce((sum, bar) => sum + bar.errors, 0),
    )}`;
  };
  return (
    <>
      <CellChart
        label={`Spans over time, ${formatCount(histogram.total_spans)} in all`}
        height={120}
        columns={bars.length}
        rows={1}
        draw={draw}
        describe={describe}
        onChoose={({ left, right }) => onChoose(windowOfColumns(histogram, left, right))}
      />
      <table className="visually-hidden">
        <caption>Spans over time</caption>
        <thead>
          <tr>
            <th scope="col">From</th>
            <th scope="col">Spans</th>
            <th scope="col">Errors</th>
          </tr>
        </thead>
        <tbody>
          {bars.map((bar) => (
            <tr key={bar.start}>
              <th scope="row">{formatTime(bar.start, zone, "second")}</th>
              <td>{bar.spans}</td>
              <td>{bar.errors}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

interface Place {
  readonly left: number;
  readonly width: number;
  readonly height: number;
  readonly most: number;
}

/** A bar with its errors at the bottom, striped. */
function drawBar(
  context: CanvasRenderingContext2D,
  bar: Bar,
  { left, width, height, most }: Place,
  inks: { readonly plain: string; readonly failed: string | CanvasPattern },
): void {
  if (!bar.spans) return;
  const gap = width > 4 ? 1 : 0;
  const { whole, errors } = heightsOf(bar, most, height);
  const bottom = TOP + height;
  context.fillStyle = inks.plain;
  context.fillRect(left, bottom - whole, width - gap, whole - errors);
  context.fillStyle = inks.failed;
  context.fillRect(left, bottom - errors, width - gap, errors);
}

/** A window with its date once, and its end as a clock where it is on the same day. */
export function describeWindow({ start, end }: Window, zone: Zone): string {
  const precision = end - start < 10e6 ? "millisecond" : "second";
  return `${formatTime(start, zone, precision).split(" ").slice(0, 2).join(" ")} – ${formatClock(end + 1, zone, precision)}`;
}

export function describeCounts(spans: number, errors: number): string {
  const counted = `${formatCount(spans)} ${spans === 1 ? "span" : "spans"}`;
  return errors
    ? `${counted}, ${formatCount(errors)} ${errors === 1 ? "error" : "errors"}`
    : counted;
}
