/** The bar of a span (or of siblings) on the time axis, with what is marked on it. */

import { serviceFill } from "@/parts/ServiceMark";
import type { ServiceColor } from "@/model/colors";
import { formatDuration } from "@/model/format";
import type { Gap } from "@/model/gaps";
import type { Zoom } from "@/model/timeAxis";
import styles from "./Bar.module.css";

/** A part of a bar, and whether what ran then failed. */
export interface Stretch extends Gap {
  readonly error: boolean;
}

export interface BarProps {
  readonly zoom: Zoom;
  /** What is drawn, nanoseconds since the trace began: one for a span, more for siblings. */
  readonly stretches: readonly Stretch[];
  readonly duration: number;
  readonly color: ServiceColor;
  readonly events: Float64Array | readonly number[];
  readonly path: readonly Gap[];
  /** Drawn hatched: no child ran. */
  readonly gaps: readonly Gap[];
  /** Drawn pale: children ran. */
  readonly busy: readonly Gap[];
}

/** Widest a bar may reach beyond what is shown, in percent; browsers dislike huge elements. */
const BEYOND = 2;

export function Bar(props: BarProps) {
  const { zoom, stretches, color } = props;
  const background = serviceFill(color);
  const first = stretches[0];
  const last = stretches.at(-1);
  if (!first || !last) return null;
  const from = percent(zoom, first.from);
  const to = percent(
    zoom,
    stretches.reduce((end, one) => Math.max(end, one.to), last.to),
  );
  return (
    <>
      {stretches.map((stretch) => (
        <span
          key={stretch.from}
          className={`${styles.bar} ${stretch.error ? styles.error : ""}`}
          style={{ ...extent(zoom, stretch), background }}
        />
      ))}
      {props.busy.map((stretch) => (
        <span key={stretch.from} className={styles.busy} style={extent(zoom, stretch)} />
      ))}
      {props.gaps.map((stretch) => (
        <span
          key={stretch.from}
          className={styles.gap}
          style={extent(zoom, stretch)}
          title={`${formatDuration(stretch.to - stretch.from)} without a span below`}
        />
      ))}
      {ticksOf(props.events, zoom).map((place) => (
        <span key={place} className={styles.event} style={{ left: `${place}%` }} />
      ))}
      {props.path.map((stretch) => (
        <span key={stretch.from} className={styles.path} style={extent(zoom, stretch)} />
      ))}
      <Label from={from} to={to} text={formatDuration(props.duration)} />
    </>
  );
}

/** About what the longest duration takes. */
const LABEL_PIXELS = 48;

/** The duration beside the bar where there is room, otherwise upon it. */
function Label({ from, to, text }: { from: number; to: number; text: string }) {
  const isUpon = to > 0 && from < 100 && to >= 86 && from <= 14;
  return (
    <span
      className={`${styles.label} ${isUpon ? styles.upon : ""}`}
      style={labelPlace(from, to)}
      data-label
    >
      {to <= 0 ? `‹ ${text}` : from >= 100 ? `${text} ›` : text}
    </span>
  );
}

function labelPlace(from: number, to: number): { left: string } | { right: string } {
  if (to <= 0) return { left: "4px" };
  if (from >= 100) return { right: "4px" };
  // It never leaves the timeline: where that is narrow, it rather lies upon the bar.
  if (to < 86) return { left: `min(calc(${to}% + 6px), calc(100% - ${LABEL_PIXELS}px))` };
  if (from > 14)
    return { right: `min(calc(${100 - from}% + 4px), calc(100% - ${LABEL_PIXELS}px))` };
  return { left: `calc(${Math.max(0, from)}% + 4px)` };
}

function percent(zoom: Zoom, time: number): number {
  return (100 * (time - zoom.from)) / (zoom.to - zoom.from);
}

function extent(zoom: Zoom, { from, to }: Gap): { left: string; width: string } {
  const left = Math.min(100 + BEYOND, Math.max(-BEYOND, percent(zoom, from)));
  const right = Math.min(100 + BEYOND, Math.max(-BEYOND, percent(zoom, to)));
  return { left: `${left.toFixed(3)}%`, width: `${(right - left).toFixed(3)}%` };
}

/** Events in sight, those that would lie upon each other drawn once. */
function ticksOf(events: Float64Array | readonly number[], zoom: Zoom): number[] {
  const places = new Set<number>();
  for (const time of events) {
    const place = percent(zoom, time);
    if (place >= 0 && place <= 100) places.add(Math.round(place * 5) / 5);
  }
  return [...places];
}
