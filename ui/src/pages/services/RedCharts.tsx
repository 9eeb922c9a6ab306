/** Rate, errors and durations over time, with the moments at which versions began. */

import { useMemo } from "react";
import type { Answers } from "@/api/client";
import {
  formatDuration,
  formatDurationTick,
  formatRate,
  formatShare,
  rateUnit,
} from "@/model/format";
import { TimeSeries, type ChartMarker, type ChartSeries } from "@/parts/charts/TimeSeries";
import { timeRangeParams } from "@/model/timeRange";
import type { TimeWindow } from "@/url/timeWindow";
import { tracesLink, type Counted, type Which } from "./requests";
import styles from "./ServicesPage.module.css";

type ServiceMetrics = Answers["ServiceMetrics"];

interface RedChartsProps {
  readonly metrics: ServiceMetrics;
  readonly counted: Counted;
  readonly time: TimeWindow;
}

export function RedCharts({ metrics, counted, time }: RedChartsProps) {
  const { rate, errors, durations, markers } = useMemo(() => seriesOf(metrics), [metrics]);
  const shared = {
    startMicros: metrics.start_micros,
    stepMicros: metrics.step_micros,
    markers,
    sync: "red",
    onSelect: (startMicros: number, endMicros: number) => time.setRange({ startMicros, endMicros }),
  };
  const unit = rateUnit(Math.max(0, ...rate[0]!.values.map((perSecond) => perSecond ?? 0)));
  const link = (which: Which) => (startMicros: number, endMicros: number) =>
    tracesLink(counted, timeRangeParams({ startMicros, endMicros }), which);
  return (
    <div className={styles.charts}>
      <TimeSeries
        {...shared}
        title="Rate"
        shape="bars"
        series={rate}
        format={(perSecond) => formatRate(perSecond, 1, unit)}
        link={link("all")}
      />
      <TimeSeries
        {...shared}
        title="Errors"
        shape="bars"
        series={errors}
        format={formatShare}
        link={link("failed")}
      />
      <TimeSeries
        {...shared}
        title="Durations"
        shape="lines"
        logarithmic
        series={durations}
        format={formatDuration}
        formatTick={formatDurationTick}
        link={link("slow")}
      />
    </div>
  );
}

interface RedSeries {
  readonly rate: readonly ChartSeries[];
  readonly errors: readonly ChartSeries[];
  readonly durations: readonly ChartSeries[];
  readonly markers: readonly ChartMarker[];
}

function seriesOf(metrics: ServiceMetrics): RedSeries {
  const { calls, errors, step_micros: step, start_micros: start } = metrics;
  return {
    rate: [
      { label: "rate", token: "--accent", values: calls.map((count) => count / (step / 1e6)) },
    ],
    errors: [
      {
        label: "errors",
        token: "--error",
        values: calls.map((count, at) => (count ? errors[at]! / count : null)),
      },
    ],
    durations: [
      { label: "p50", token: "--ok", values: metrics.p50_nanos },
      { label: "p95", token: "--accent", dash: [7, 3], values: metrics.p95_nanos },
      { label: "p99", token: "--warning", dash: [2, 3], values: metrics.p99_nanos },
    ],
    // A version that was there from the start began before it.
    markers: metrics.versions
      .filter(({ first_micros: first }) => first >= start + step)
      .map(({ version, first_micros: atMicros }) => ({ atMicros, label: version })),
  };
}
