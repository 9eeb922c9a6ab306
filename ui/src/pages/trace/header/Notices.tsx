/** What is not as it should be with a trace, why, and what can be done. */

import { RefreshCw } from "lucide-react";
import { useMemo } from "react";
import { Link } from "wouter";
import { uploadOf } from "@/api/uploads";
import { uncorrectedSkew } from "@/model/clocks";
import { formatDuration } from "@/model/format";
import { at } from "@/model/trace";
import { nameOf, serviceOf, type TraceData } from "@/model/traceData";
import { Button } from "@/parts/Button";
import { Notice } from "@/parts/States";
import { linkTo, useUrl } from "@/url/location";
import { select, useTraceView, useView, type TraceView } from "../store";
import styles from "./Notices.module.css";

/** As many as the server shows at once. */
const MOST_SPANS = 1_000_000;

interface NoticesProps {
  readonly raw: boolean;
  reload(): void;
  readonly reloading: boolean;
}

export function Notices({ raw, reload, reloading }: NoticesProps) {
  const view = useTraceView();
  const { params, link, change } = useUrl();
  const missing = useView(({ missing }) => missing);
  const { trace } = view;
  const root = params.get("root");
  const moved = useMemo(() => countMoved(trace), [trace]);
  const skew = useMemo(() => uncorrectedSkew(trace), [trace]);
  return (
    <div className={styles.notices}>
      {root ? (
        <Notice tone="info">
          Only <strong>{serviceOf(trace, 0)}</strong> {nameOf(trace, 0)} and the spans below it.{" "}
          <Link href={link({ root: null, sel: null, t0: null, t1: null })}>
            Show the whole trace
          </Link>
        </Notice>
      ) : trace.total > trace.count ? (
        <Notice tone="info">
          The trace is large: {trace.count.toLocaleString("en-US")} of{" "}
          {trace.total.toLocaleString("en-US")} spans are shown, errors and the longest of each
          level. Open “more spans” in the list for what is below a span
          {trace.count < MOST_SPANS ? (
            <>
              , or{" "}
              <Link href={link({ limit: MOST_SPANS })}>
                show up to {MOST_SPANS.toLocaleString("en-US")}
              </Link>
            </>
          ) : null}
          .
        </Notice>
      ) : null}
      {missing ? (
        <Notice>
          The span {missing} of this link is not in the trace
          {root ? ", or not in this part of it" : ""}.{" "}
          <Button variant="quiet" onClick={() => view.store.setState({ missing: "" })}>
            Dismiss
          </Button>
        </Notice>
      ) : null}
      {!root && trace.orphans.length ? (
        <Incomplete view={view} reload={reload} reloading={reloading} />
      ) : null}
      {skew && !raw ? (
        <Notice tone="info">
          Clocks differ by up to {formatDuration(skew)}; times are not corrected
          {uploadOf(trace.traceId) ? null : (
            <>
              : <code>max_clock_skew_adjust</code> of the <code>query</code> extension is less. A
              higher one corrects them
            </>
          )}
          .
        </Notice>
      ) : null}
      {moved || raw ? (
        <Notice tone="info">
          {raw
            ? "Times are as stored; clocks that differ are not made up for. "
            : `Clocks differ: ${moved === 1 ? "1 span was" : `${moved.toLocaleString("en-US")} spans were`} moved into the span above. `}
          <Button variant="quiet" onClick={() => change({ raw: raw ? null : "true" })}>
            {raw ? "Correct the times" : "Show times as stored"}
          </Button>
        </Notice>
      ) : null}
    </div>
  );
}

function Incomplete({
  view,
  reload,
  reloading,
}: Omit<NoticesProps, "raw"> & { readonly view: TraceView }) {
  const { orphans } = view.trace;
  const count = orphans.length;
  return (
    <Notice>
      <strong>This trace is incomplete.</strong> The parent of{" "}
      <Button variant="quiet" onClick={() => select(view, at(orphans, 0))}>
        {count === 1 ? "1 span" : `${count.toLocaleString("en-US")} spans`}
      </Button>{" "}
      is not here: it is still on its way, was sampled out, or was{" "}
      <Link href={linkTo("/pipeline")}>dropped</Link>; or a service on the way tells no spans.{" "}
      <Button
        variant="quiet"
        icon={<RefreshCw size={13} aria-hidden />}
        disabled={reloading}
        onClick={reload}
      >
        {reloading ? "Reloading" : "Reload"}
      </Button>
    </Notice>
  );
}

function countMoved(trace: TraceData): number {
  let moved = 0;
  for (let row = 0; row < trace.count; row++) if (trace.shift(row)) moved++;
  return moved;
}
