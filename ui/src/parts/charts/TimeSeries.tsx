/**
 * A chart of values over time, one a step: drawn by uPlot, read in the tooltip, or as a table. A
 * drag selects a stretch of time; a click follows the step's link.
 */

import { ChartLine, Table2 } from "lucide-react";
import { useEffect, useMemo, useRef, useState, type RefObject } from "react";
import type uPlot from "uplot";
import { Link } from "wouter";
import { useSettings } from "@/app/settings";
import { formatClock, formatDate, type Zone } from "@/model/time";
import { IconButton } from "@/parts/Button";
import { Time } from "@/parts/Figures";
import { tokenReader, useTheme } from "@/parts/theme";
import { useUrl } from "@/url/location";
import { createPlot } from "./plot";
import styles from "./TimeSeries.module.css";

export interface ChartSeries {
  readonly label: string;
  /** The token of its colour, such as `--accent`. */
  readonly token: string;
  /** Lengths of strokes and gaps, so that lines are told apart without colour. */
  readonly dash?: readonly number[];
  /** One a step; null where there is none. */
  readonly values: readonly (number | null)[];
}

export interface ChartMarker {
  readonly atMicros: number;
  readonly label: string;
}

export interface TimeSeriesProps {
  readonly title: string;
  readonly startMicros: number;
  readonly stepMicros: number;
  readonly series: readonly ChartSeries[];
  readonly shape: "bars" | "lines";
  /** Tenfolds are as far apart as each other; for values that differ widely. */
  readonly logarithmic?: boolean;
  readonly markers?: readonly ChartMarker[];
  /** Charts with the same name show their cursors at the same time. */
  readonly sync: string;
  format(value: number): string;
  /** How ticks are written, where not as values are. */
  formatTick?(value: number): string;
  /** Where the spans of a step are found. */
  link(startMicros: number, endMicros: number): string;
  onSelect(startMicros: number, endMicros: number): void;
}

export function TimeSeries(props: TimeSeriesProps) {
  const { title, series } = props;
  const [asTable, setAsTable] = useState(false);
  return (
    <figure className={styles.chart}>
      <figcaption className={styles.caption}>
        <h2>{title}</h2>
        {series.length > 1 ? <Legend series={series} /> : null}
        <IconButton
          label={asTable ? `${title} as a chart` : `${title} as a table`}
          icon={asTable ? <ChartLine size={15} /> : <Table2 size={15} />}
          onClick={() => setAsTable(!asTable)}
        />
      </figcaption>
      {asTable ? <Table {...props} /> : <Plot {...props} />}
    </figure>
  );
}

function Legend({ series }: Pick<TimeSeriesProps, "series">) {
  return (
    <ul className={styles.legend}>
      {series.map(({ label, token, dash }) => (
        <li key={label}>
          <svg width="20" height="8" aria-hidden>
            <path
              d="M0 4h20"
              stroke={`var(${token})`}
              strokeWidth="2"
              strokeDasharray={dash?.join(" ")}
            />
          </svg>
          {label}
        </li>
      ))}
    </ul>
  );
}

interface Hover {
  readonly step: number;
  readonly left: number;
  /** How wide the chart is. */
  readonly width: number;
}

function Plot(props: TimeSeriesProps) {
  const host = useRef<HTMLDivElement>(null);
  const [hover, setHover] = useState<Hover | null>(null);
  usePlot(host, props, setHover);
  return (
    <div className={styles.plot}>
      <div
        ref={host}
        className={styles.host}
        role="img"
        aria-label={`${props.title} over time; the table has the same numbers`}
        onPointerLeave={() => setHover(null)}
      />
      {hover ? <Tooltip {...props} {...hover} /> : null}
    </div>
  );
}

/** Makes the plot anew when what it shows, its colours or the zone change; resizes it otherwise. */
function usePlot(
  host: RefObject<HTMLDivElement | null>,
  props: TimeSeriesProps,
  onHover: (hover: Hover | null) => void,
): void {
  const theme = useTheme();
  const zone = useSettings((settings) => settings.zone);
  const { go } = useUrl();
  const latest = useRef(props);
  useEffect(() => {
    latest.current = props;
  });
  const shown = useMemo(
    () =>
      JSON.stringify([
        props.startMicros,
        props.stepMicros,
        props.series,
        props.markers,
        props.logarithmic,
      ]),
    [props.startMicros, props.stepMicros, props.series, props.markers, props.logarithmic],
  );
  useEffect(() => {
    const element = host.current;
    if (!element) return undefined;
    const { startMicros, stepMicros } = latest.current;
    const boundsOf = (step: number) => startMicros + step * stepMicros;
    const plot: uPlot = createPlot(element, latest.current, {
      zone,
      ink: tokenReader(element),
      onHover: (step, left) =>
        onHover(step === null ? null : { step, left, width: element.clientWidth }),
      onClick: (step) => go(latest.current.link(boundsOf(step), boundsOf(step + 1))),
      onSelect: (from, to) => latest.current.onSelect(boundsOf(from), boundsOf(to)),
    });
    const observer = new ResizeObserver(() =>
      plot.setSize({ width: element.clientWidth, height: element.clientHeight }),
    );
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [host, shown, theme, zone, go, onHover]);
}

const TOOLTIP_GAP = 14;

/** Stands beside the pointer, on the side with more room, and never over it. */
function Tooltip({ step, left, width, ...props }: TimeSeriesProps & Hover) {
  const zone = useSettings((settings) => settings.zone);
  const at = props.startMicros + step * props.stepMicros;
  return (
    <div
      className={styles.tooltip}
      style={
        left < width / 2 ? { left: left + TOOLTIP_GAP } : { right: width - left + TOOLTIP_GAP }
      }
      aria-hidden
    >
      <p>{describeStep(at, at + props.stepMicros, zone)}</p>
      {props.series.map(({ label, token, values }) => {
        const value = values[step];
        return (
          <p key={label} className={styles.value}>
            <span className={styles.swatch} style={{ background: `var(${token})` }} />
            {label}
            <b>{value === null || value === undefined ? "none" : props.format(value)}</b>
          </p>
        );
      })}
      {(props.markers ?? [])
        .filter(({ atMicros }) => atMicros >= at && atMicros < at + props.stepMicros)
        .map(({ label }) => (
          <p key={label}>{label}</p>
        ))}
      <p className={styles.hint}>Click for its traces, drag to zoom</p>
    </div>
  );
}

function describeStep(start: number, end: number, zone: Zone): string {
  const precision = end - start < 1e6 ? "millisecond" : "second";
  return `${formatDate(start, zone)} ${formatClock(start, zone, precision)} – ${formatClock(end, zone, precision)}`;
}

function Table(props: TimeSeriesProps) {
  const steps = Array.from(props.series[0]?.values ?? [], (_, step) => step);
  return (
    <div className={styles.scroll} tabIndex={0} role="region" aria-label={`${props.title}, table`}>
      <table className={styles.table}>
        <caption className="visually-hidden">{props.title}</caption>
        <thead>
          <tr>
            <th scope="col">From</th>
            {props.series.map(({ label }) => (
              <th key={label} scope="col" className={styles.number}>
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {steps.map((step) => {
            const at = props.startMicros + step * props.stepMicros;
            return (
              <tr key={step}>
                <td>
                  <Link href={props.link(at, at + props.stepMicros)}>
                    <Time micros={at} precision="second" />
                  </Link>
                </td>
                {props.series.map(({ label, values }) => {
                  const value = values[step];
                  return (
                    <td key={label} className={styles.number}>
                      {value === null || value === undefined ? "–" : props.format(value)}
                    </td>
                  );
                })}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
