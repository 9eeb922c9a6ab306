/** The pictures above the list: spans over time, by duration, and the listed traces as points. */

import type { ReactNode } from "react";
import { useApi } from "@/api/client";
import { formatCount } from "@/model/format";
import { withDuration } from "@/model/searchLine";
import { writeDuration, type DurationRange } from "@/model/histogram";
import type { TraceSummary } from "@/model/scatter";
import type { Window } from "@/model/timeRange";
import { Button } from "@/parts/Button";
import { Failure } from "@/parts/States";
import { linkTo, useUrl } from "@/url/location";
import type { SearchState } from "../useSearch";
import { Heatmap } from "./Heatmap";
import { TimeHistogram } from "./TimeHistogram";
import { TraceScatter } from "./TraceScatter";
import styles from "./Charts.module.css";

/** About how many bars there are. */
export const BUCKETS = 120;

const CHARTS = { spans: "Spans", latency: "Latency", traces: "Traces" } as const;
type Chart = keyof typeof CHARTS;

interface ChartsProps {
  readonly state: SearchState;
  /** Those in the list. */
  readonly traces: readonly TraceSummary[];
}

export function Charts({ state, traces }: ChartsProps) {
  const { params, change, go } = useUrl();
  const asked = params.get("chart");
  const chart: Chart = asked !== null && asked in CHARTS ? (asked as Chart) : "spans";
  const histogram = useApi("/histogram", { ...state.question, buckets: BUCKETS }, { keep: true });
  const narrow = (window?: Window, durations?: DurationRange) => {
    const { line } = state.search;
    state.change({
      ...(window ? { range: { startMicros: window.start, endMicros: window.end } } : {}),
      ...(durations ? { line: withDurations(line, durations) } : {}),
    });
  };
  const open = (trace: TraceSummary, inNewTab: boolean) => {
    const link = linkTo(`/trace/${trace.trace_id}`);
    if (inNewTab) globalThis.open(new URL(`.${link}`, document.baseURI), "_blank");
    else go(link);
  };
  const isWrong = histogram.error?.status === 400;
  const isEmpty = histogram.data?.total_spans === 0 && !histogram.isPlaceholderData;
  if (isWrong || isEmpty) return null;
  return (
    <section className={styles.charts} aria-label="Charts">
      <div className={styles.tabs} role="group" aria-label="Chart">
        {(Object.keys(CHARTS) as Chart[]).map((key) => (
          <Button
            key={key}
            variant="quiet"
            className={styles.tab}
            pressed={key === chart}
            onClick={() => change({ chart: key === "spans" ? null : key }, { replace: true })}
          >
            {CHARTS[key]}
          </Button>
        ))}
        <Legend chart={chart} listed={traces.length} total={histogram.data?.total_traces ?? 0} />
      </div>
      <div className={styles[chart]} data-stale={histogram.isPlaceholderData || undefined}>
        {chart === "traces" ? (
          traces.length ? (
            <TraceScatter traces={traces} onOpen={open} />
          ) : null
        ) : histogram.isError ? (
          <Failure error={histogram.error} retry={() => void histogram.refetch()} />
        ) : !histogram.data?.total_spans ? null : chart === "spans" ? (
          <TimeHistogram histogram={histogram.data} onChoose={narrow} />
        ) : (
          <Heatmap histogram={histogram.data} onChoose={narrow} />
        )}
      </div>
    </section>
  );
}

function withDurations(line: string, { least, below }: DurationRange): string {
  const from = withDuration(line, "minimum", least ? writeDuration(least) : "");
  return withDuration(from, "maximum", writeDuration(below), "<");
}

interface LegendProps {
  readonly chart: Chart;
  /** Traces in the list, and how many match. */
  readonly listed: number;
  readonly total: number;
}

function Legend({ chart, listed, total }: LegendProps) {
  if (chart === "traces") {
    return (
      <p className={styles.legend}>
        <Key sign={<circle cx="6" cy="6" r="4.5" className={styles.plain} />}>trace</Key>
        <Key sign={<path d="M6 0.5 11.5 6 6 11.5 0.5 6Z" className={styles.failed} />}>
          with errors
        </Key>
        <span>larger: more spans</span>
        {listed < total ? (
          <strong>
            only the {formatCount(listed)} in the list, of {formatCount(total)}
          </strong>
        ) : null}
      </p>
    );
  }
  return (
    <p className={styles.legend}>
      <Key sign={<rect x="1" y="1" width="10" height="10" className={styles.plain} />}>
        {chart === "spans" ? "spans" : "spans, stronger: more"}
      </Key>
      {chart === "spans" ? (
        <Key
          sign={
            <>
              <rect x="1" y="1" width="10" height="10" className={styles.failed} />
              <path d="M1 11 11 1M-4 11 6 1M6 11 16 1" className={styles.stripe} />
            </>
          }
        >
          errors
        </Key>
      ) : (
        <Key sign={<path d="M2 1h9v9Z" className={styles.failed} />}>errors among them</Key>
      )}
      <span className={styles.hint}>
        {chart === "spans"
          ? "drag to narrow"
          : "drag to narrow: sideways the time, up or down the durations, aslant both"}
      </span>
    </p>
  );
}

function Key({ sign, children }: { readonly sign: ReactNode; readonly children: ReactNode }) {
  return (
    <span className={styles.key}>
      <svg width="12" height="12" viewBox="0 0 12 12" aria-hidden>
        {sign}
      </svg>
      {children}
    </span>
  );
}
