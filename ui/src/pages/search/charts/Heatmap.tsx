/**
 * Spans by time and duration. A box of it narrows both; one over all durations the time alone, one
 * over all of the time the durations alone.
 */

import { useCallback } from "react";
import { useSettings } from "@/app/settings";
import { formatDuration, formatDurationTick } from "@/model/format";
import {
  countIn,
  durationsOfRows,
  mostInCell,
  shadeOf,
  windowOfColumns,
  type Box,
  type DurationRange,
  type Histogram,
} from "@/model/histogram";
import { formatTime } from "@/model/time";
import type { Window } from "@/model/timeRange";
import type { Draw } from "./Canvas";
import { CellChart } from "./CellChart";
import { drawLevels, drawTimes, LEFT, plotOf, TOP } from "./plot";
import { describeCounts, describeWindow } from "./TimeHistogram";

interface HeatmapProps {
  readonly histogram: Histogram;
  /** Each undefined where it stays as it is. */
  onChoose(window: Window | undefined, durations: DurationRange | undefined): void;
}

const HEIGHT = 200;
const FEW_ROWS = 5;

export function Heatmap({ histogram, onChoose }: HeatmapProps) {
  const zone = useSettings((settings) => settings.zone);
  const columns = histogram.spans.length;
  const rows = histogram.duration_bounds_nanos.length;
  const draw = useCallback<Draw>(
    (context, size, ink) => {
      const plot = plotOf(size);
      const levels = histogram.duration_bounds_nanos.flatMap((bound, row) =>
        rows <= FEW_ROWS || isDecade(bound)
          ? [[plot.height * (1 - row / rows), formatDurationTick(bound)] as const]
          : [],
      );
      drawLevels(context, size, ink, levels);
      const { start } = windowOfColumns(histogram, 0, 0);
      const { end } = windowOfColumns(histogram, 0, columns - 1);
      drawTimes(context, size, ink, { start, end, zone }, (micros) => {
        return ((micros - start) / (end - start)) * plot.width;
      });
      drawCells(context, histogram, plot, {
        plain: ink("--accent"),
        failed: ink("--error"),
        around: ink("--background"),
      });
    },
    [histogram, columns, rows, zone],
  );
  const extentOf = ({ left, right, low, high }: Box) => ({
    isAllTime: left === 0 && right === columns - 1 && columns > 1,
    isAllDurations: low === 0 && high === rows - 1 && rows > 1,
  });
  const describe = (box: Box) => {
    const { least, below } = durationsOfRows(histogram, box.low, box.high);
    const { spans, errors } = countIn(histogram, box);
    const { isAllTime, isAllDurations } = extentOf(box);
    const window = windowOfColumns(histogram, box.left, box.right);
    const time = isAllTime ? "all of the time" : describeWindow(window, zone);
    const durations = isAllDurations
      ? "all durations"
      : `${formatDurationTick(least)} – ${formatDurationTick(below)}`;
    return `${time}, ${durations}: ${describeCounts(spans, errors)}`;
  };
  return (
    <>
      <CellChart
        label="Spans by time and duration"
        height={HEIGHT}
        columns={columns}
        rows={rows}
        draw={draw}
        describe={describe}
        onChoose={(box) => {
          const { isAllTime, isAllDurations } = extentOf(box);
          onChoose(
            isAllTime ? undefined : windowOfColumns(histogram, box.left, box.right),
            isAllDurations ? undefined : durationsOfRows(histogram, box.low, box.high),
          );
        }}
      />
      <table className="visually-hidden">
        <caption>Spans by time and duration</caption>
        <thead>
          <tr>
            <th scope="col">From</th>
            {histogram.duration_bounds_nanos.map((bound) => (
              <th key={bound} scope="col">
                {formatDuration(bound)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {histogram.spans.map((counts, column) => {
            const { start } = windowOfColumns(histogram, column, column);
            return (
              <tr key={start}>
                <th scope="row">{formatTime(start, zone, "second")}</th>
                {counts.map((count, row) => (
                  <td key={row}>{count}</td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </>
  );
}

function isDecade(bound: number): boolean {
  return bound === 0 || Math.abs(Math.log10(bound) % 1) < 1e-9;
}

/** Cells as dark as they are full; a triangle in the corner of those that have errors. */
function drawCells(
  context: CanvasRenderingContext2D,
  histogram: Histogram,
  plot: { readonly width: number; readonly height: number },
  inks: { readonly plain: string; readonly failed: string; readonly around: string },
): void {
  const most = mostInCell(histogram);
  const width = plot.width / histogram.spans.length;
  const height = plot.height / histogram.duration_bounds_nanos.length;
  const gap = width > 4 ? 1 : 0;
  const corner = Math.min(Math.max(width * 0.5, 4), 7, height);
  histogram.spans.forEach((counts, column) => {
    const left = LEFT + column * width;
    counts.forEach((count, row) => {
      if (!count) return;
      const top = TOP + plot.height - (row + 1) * height;
      context.globalAlpha = shadeOf(count, most);
      context.fillStyle = inks.plain;
      context.fillRect(left, top, width - gap, height - gap);
      context.globalAlpha = 1;
      if (!histogram.errors[column]?.[row]) return;
      context.beginPath();
      context.moveTo(left + width - gap - corner, top);
      context.lineTo(left + width - gap, top);
      context.lineTo(left + width - gap, top + corner);
      context.closePath();
      context.strokeStyle = inks.around;
      context.stroke();
      context.fillStyle = inks.failed;
      context.fill();
    });
  });
}
