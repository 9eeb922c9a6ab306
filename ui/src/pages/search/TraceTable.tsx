/**
 * Traces, a line each. The heads of columns choose what the server puts first; only lines near the
 * window are in the document.
 */

import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, ArrowUp } from "lucide-react";
import { useLayoutEffect, useMemo, useRef, useState } from "react";
import { useApi } from "@/api/client";
import { useSettings } from "@/app/settings";
import { listColors } from "@/model/colors";
import type { TraceSummary } from "@/model/scatter";
import { offsetOf } from "@/model/time";
import { embed } from "@/url/embed";
import type { Order } from "@/url/searchUrl";
import { TraceRow } from "./TraceRow";
import { usePicks } from "./picks";
import styles from "./TraceTable.module.css";

const ROW_HEIGHT = 32;
const NARROW_ROW_HEIGHT = 62;
const NARROW = "(max-width: 760px)";

interface TraceTableProps {
  readonly traces: readonly TraceSummary[];
  readonly order: Order;
  /** Ids of those that have just come. */
  readonly fresh?: ReadonlySet<string>;
  /** The words a trace is opened with, to be marked in it. */
  readonly find: string;
  /** Absent where there is but one order. */
  readonly onOrder?: (order: Order) => void;
}

export function TraceTable({ traces, order, fresh, find, onOrder }: TraceTableProps) {
  const { data: services } = useApi("/services", {});
  const colors = useMemo(() => {
    const listed = traces.flatMap((trace) => trace.services.map(({ service }) => service));
    return listColors(listed, services);
  }, [traces, services]);
  const zone = useSettings((settings) => settings.zone);
  const offset = offsetOf(traces[0]?.start_micros ?? 0, zone);
  const longest = traces.reduce((most, trace) => Math.max(most, trace.duration_nanos), 1);
  const picks = usePicks((store) => store.picks);
  const picked = useMemo(() => new Set(picks.map(({ traceId }) => traceId)), [picks]);
  const body = useRef<HTMLDivElement>(null);
  const { items, height, margin } = useRows(body, traces.length);
  return (
    <div
      role="table"
      aria-label="Traces"
      aria-rowcount={traces.length + 1}
      className={`${styles.table} ${embed.embedded ? styles.embedded : ""}`}
    >
      <Heads order={order} offset={offset} {...(onOrder ? { onOrder } : {})} />
      <div ref={body} role="rowgroup" className={styles.body} style={{ height }}>
        {items.map(({ index, start, size }) => {
          const trace = traces[index];
          return trace ? (
            <TraceRow
              key={trace.trace_id}
              trace={trace}
              rowIndex={index + 2}
              top={start - margin}
              height={size}
              longest={longest}
              colors={colors}
              find={find}
              zone={zone}
              offset={offset}
              isPicked={picked.has(trace.trace_id)}
              isFresh={fresh?.has(trace.trace_id) ?? false}
            />
          ) : null;
        })}
      </div>
    </div>
  );
}

function useRows(body: React.RefObject<HTMLDivElement | null>, count: number) {
  const [margin, setMargin] = useState(0);
  const [narrow, setNarrow] = useState(() => matchMedia(NARROW).matches);
  useLayoutEffect(() => {
    const query = matchMedia(NARROW);
    const follow = () => setNarrow(query.matches);
    query.addEventListener("change", follow);
    return () => query.removeEventListener("change", follow);
  }, []);
  // What stands above the list may grow or shrink at any time, and the page with it.
  useLayoutEffect(() => {
    const measure = () => {
      const top = body.current?.getBoundingClientRect().top ?? 0;
      setMargin(Math.round(top + globalThis.scrollY));
    };
    const observer = new ResizeObserver(measure);
    observer.observe(document.body);
    return () => observer.disconnect();
  }, [body]);
  const size = narrow ? NARROW_ROW_HEIGHT : ROW_HEIGHT;
  const virtualizer = useWindowVirtualizer({
    count,
    estimateSize: () => size,
    overscan: 30,
    scrollMargin: margin,
    getItemKey: (index) => `${index} ${size}`,
  });
  return { items: virtualizer.getVirtualItems(), height: virtualizer.getTotalSize(), margin };
}

const HEADS: readonly (readonly [title: string, order: Order | null, numeric?: boolean])[] = [
  ["Start", "newest"],
  ["Trace", null],
  ["Services", null],
  ["Duration", "longest", true],
  ["Spans", "spans", true],
  ["Errors", "errors", true],
];

/** How the table is sorted by a column, told by the order its head leads to. */
function sortOf(own: Order | null, order: Order): "ascending" | "descending" | undefined {
  if (own === "newest" && order === "oldest") return "ascending";
  return own === order ? "descending" : undefined;
}

function Heads({
  order,
  offset,
  onOrder,
}: Pick<TraceTableProps, "order" | "onOrder"> & { readonly offset: string }) {
  return (
    <div role="rowgroup" className={styles.heads}>
      <div role="row" aria-rowindex={1} className={styles.head}>
        <div role="columnheader">
          <span className="visually-hidden">Compare</span>
        </div>
        {HEADS.map(([title, own, numeric]) => (
          <div
            key={title}
            role="columnheader"
            className={numeric ? styles.numeric : undefined}
            aria-sort={sortOf(own, order)}
          >
            {own && onOrder ? (
              <button
                type="button"
                className={styles.order}
                title={`${own === "newest" ? "Newest or oldest" : "Most"} first, of all that match: ${title.toLowerCase()}`}
                onClick={() => onOrder(own === "newest" && own === order ? "oldest" : own)}
              >
                {own === "newest" ? `${title} (${offset})` : title}
                {sortOf(own, order) === "ascending" ? (
                  <ArrowUp size={12} aria-hidden />
                ) : (
                  <ArrowDown
                    size={12}
                    aria-hidden
                    className={own === order ? "" : styles.unsorted}
                  />
                )}
              </button>
            ) : own === "newest" ? (
              `${title} (${offset})`
            ) : (
              title
            )}
          </div>
        ))}
      </div>
    </div>
  );
}
