/** uPlot set up in our looks; where its own ideas of time zones and clicks differ, ours are put in. */

import UPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { formatClock, formatDate, type Zone } from "@/model/time";
import type { ChartMarker, TimeSeriesProps } from "./TimeSeries";

const CLICK_PIXELS = 4;
const AXIS_WIDTH = 62;
const AXIS_HEIGHT = 32;
/** Keeps the first label of the time axis below the lowest one of the values. */
const AXIS_GAP = 9;
const DAY_SECONDS = 86_400;
// uPlot declares its enumerations for types alone: at run time there are only the numbers.
// eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment
const LOGARITHMIC: UPlot.Scale.Distr = 3;

interface Surroundings {
  readonly zone: Zone;
  ink(token: string): string;
  /** The step under the pointer, and how far from the left of the chart it is. */
  onHover(step: number | null, left: number): void;
  onClick(step: number): void;
  /** Steps `from` to `to`, the last excluded. */
  onSelect(from: number, to: number): void;
}

type Chart = Pick<
  TimeSeriesProps,
  | "startMicros"
  | "stepMicros"
  | "series"
  | "shape"
  | "logarithmic"
  | "markers"
  | "sync"
  | "format"
  | "formatTick"
>;

export function createPlot(host: HTMLElement, chart: Chart, around: Surroundings): UPlot {
  const [start, step] = [chart.startMicros / 1e6, chart.stepMicros / 1e6];
  const count = chart.series[0]?.values.length ?? 0;
  const middles = Array.from({ length: count }, (_, index) => start + (index + 0.5) * step);
  const plot = new UPlot(
    {
      width: host.clientWidth,
      height: host.clientHeight,
      legend: { show: false },
      padding: [8, 18, 0, 0],
      scales: {
        x: { time: true, range: [start, start + count * step] },
        y: chart.logarithmic
          ? { distr: LOGARITHMIC }
          : { range: (_, __, max) => [0, (max || 1) * 1.1] },
      },
      axes: axesOf(chart, around, count * step),
      series: [{}, ...chart.series.map((one) => seriesOf(one, chart, around))],
      cursor: {
        y: false,
        drag: { x: true, y: false, setScale: false },
        sync: { key: chart.sync },
        points: { show: chart.shape === "lines", size: 7 },
      },
      hooks: {
        setCursor: [
          (plot) => {
            // Also called for charts whose cursor follows that of another.
            const isOurs = plot.over.matches(":hover");
            const { idx, left } = plot.cursor;
            const shift = plot.over.offsetLeft;
            around.onHover(isOurs ? (idx ?? null) : null, (left ?? 0) + shift);
          },
        ],
        setSelect: [(plot) => select(plot, count, start, step, around)],
        draw: [(plot) => drawMarkers(plot, chart.markers ?? [], around.ink)],
      },
      ...tzDateOf(around.zone),
    },
    [middles, ...chart.series.map(({ values }) => [...values])] as UPlot.AlignedData,
    host,
  );
  listenForClicks(plot, around);
  return plot;
}

function seriesOf(
  { label, token, dash }: TimeSeriesProps["series"][number],
  { shape }: Chart,
  { ink }: Surroundings,
): UPlot.Series {
  const color = ink(token);
  if (shape === "bars") {
    const bars = UPlot.paths.bars?.({ size: [0.8, 24] });
    return {
      label,
      stroke: color,
      fill: color,
      width: 0,
      points: { show: false },
      ...(bars ? { paths: bars } : {}),
    };
  }
  return {
    label,
    stroke: color,
    width: 1.75,
    ...(dash ? { dash: [...dash] } : {}),
    points: { show: true, size: 4, fill: color, filter: lonePoints },
  };
}

/** Values between two steps without any have no line, and are drawn as points. */
function lonePoints(plot: UPlot, seriesIndex: number): number[] {
  const values = plot.data[seriesIndex]!;
  const lone: number[] = [];
  for (let at = 0; at < values.length; at++) {
    if (values[at] != null && values[at - 1] == null && values[at + 1] == null) lone.push(at);
  }
  return lone;
}

function axesOf(chart: Chart, { zone, ink }: Surroundings, seconds: number): UPlot.Axis[] {
  const font = `11px ${getComputedStyle(document.body).fontFamily}`;
  const looks = {
    font,
    stroke: ink("--muted"),
    grid: { stroke: ink("--line"), width: 1 },
    ticks: { stroke: ink("--line"), width: 1, size: 4 },
  };
  return [
    {
      ...looks,
      size: AXIS_HEIGHT,
      gap: AXIS_GAP,
      space: seconds > DAY_SECONDS ? 92 : 58,
      grid: { show: false },
      values: (_, splits) => splits.map((split) => writeTick(split * 1e6, zone, seconds)),
    },
    {
      ...looks,
      size: AXIS_WIDTH,
      space: 28,
      ...(chart.logarithmic ? { splits: (_, __, min, max) => powersOfTen(min, max) } : {}),
      values: (_, splits) => splits.map(chart.formatTick ?? chart.format),
    },
  ];
}

function powersOfTen(min: number, max: number): number[] {
  const [first, last] = [Math.ceil(Math.log10(min) - 1e-9), Math.floor(Math.log10(max) + 1e-9)];
  return Array.from({ length: Math.max(last - first + 1, 0) }, (_, at) => 10 ** (first + at));
}

function writeTick(micros: number, zone: Zone, seconds: number): string {
  const clock = formatClock(micros, zone);
  if (seconds <= 600) return clock;
  const short = clock.slice(0, 5);
  return seconds > DAY_SECONDS ? `${formatDate(micros, zone).slice(5)} ${short}` : short;
}

/** Ticks stand at full hours and days of the chosen zone. */
function tzDateOf(zone: Zone): Pick<UPlot.Options, "tzDate"> {
  if (zone === "local") return {};
  const name = zone === "utc" ? "Etc/UTC" : zone;
  return { tzDate: (seconds) => UPlot.tzDate(new Date(seconds * 1000), name) };
}

/** Grows what was dragged over to whole steps. */
function select(
  plot: UPlot,
  count: number,
  start: number,
  step: number,
  { onSelect }: Surroundings,
): void {
  const { left, width } = plot.select;
  if (width < CLICK_PIXELS) return;
  const from = Math.floor((plot.posToVal(left, "x") - start) / step);
  const to = Math.ceil((plot.posToVal(left + width, "x") - start) / step);
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  onSelect(Math.max(from, 0), Math.min(to, count));
}

function listenForClicks(plot: UPlot, { onClick }: Surroundings): void {
  let pressedAt = 0;
  plot.over.addEventListener("mousedown", (event) => (pressedAt = event.clientX));
  plot.over.addEventListener("click", (event) => {
    const step = plot.cursor.idx;
    const isClick = Math.abs(event.clientX - pressedAt) < CLICK_PIXELS;
    if (isClick && step !== null && step !== undefined) onClick(step);
  });
}

/** A dashed line with the label beside it, for what happened at a point in time. */
function drawMarkers(
  plot: UPlot,
  markers: readonly ChartMarker[],
  ink: (token: string) => string,
): void {
  const { ctx, bbox } = plot;
  const ratio = UPlot.pxRatio;
  ctx.save();
  ctx.strokeStyle = ink("--text");
  ctx.fillStyle = ink("--text");
  ctx.lineWidth = ratio;
  ctx.font = `${10 * ratio}px ${getComputedStyle(document.body).fontFamily}`;
  // The axes leave theirs behind.
  ctx.textAlign = "left";
  ctx.textBaseline = "top";
  for (const { atMicros, label } of markers) {
    const x = plot.valToPos(atMicros / 1e6, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.setLineDash([4 * ratio, 3 * ratio]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    const width = ctx.measureText(label).width;
    const fits = x + width + 6 * ratio < bbox.left + bbox.width;
    ctx.fillText(label, fits ? x + 4 * ratio : x - width - 4 * ratio, bbox.top + 2 * ratio);
  }
  ctx.restore();
}
