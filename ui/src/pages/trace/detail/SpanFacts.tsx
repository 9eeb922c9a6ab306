/** When a span ran, how long, what became of it, and where it stands in the tree. */

import { CircleAlert, CircleCheck } from "lucide-react";
import type { ReactNode } from "react";
import { formatDuration, formatOffset, formatShare } from "@/model/format";
import { at, CUT, ERROR, ORPHAN } from "@/model/trace";
import { microsOf, nameOf, serviceOf, type TraceData } from "@/model/traceData";
import { CopyButton } from "@/parts/CopyButton";
import { Duration, Time } from "@/parts/Figures";
import { lengthOf, select, setZoom, useTraceView } from "../store";
import styles from "./SpanFacts.module.css";

export function SpanFacts({ row }: { readonly row: number }) {
  const { trace } = useTraceView();
  const start = at(trace.start, row);
  const duration = at(trace.duration, row);
  const own = at(trace.self, row);
  const shift = trace.shift(row);
  const state = trace.traceState(row);
  return (
    <dl className={styles.facts}>
      <Fact name="Duration">
        <strong>
          <Duration nanos={duration} />
        </strong>
        <span
          className={styles.note}
          title={`Of the ${formatDuration(lengthOf(trace))} the trace took, from its first span to its last`}
        >
          {formatShare(duration / lengthOf(trace))} of the trace
        </span>
        <ZoomButton row={row} />
      </Fact>
      <Fact name="Self time">
        <Duration nanos={own} />
        <span className={styles.note}>
          {formatShare(own / Math.max(1, duration))} of the span
          {at(trace.flags, row) & CUT ? ", without the spans not shown" : ""}
        </span>
      </Fact>
      <Fact name="Start">
        <span title="Since the trace began">{formatOffset(start - trace.begin)}</span>
        <span className={styles.note}>
          <Time micros={microsOf(trace, start)} precision="microsecond" />
        </span>
      </Fact>
      <Status trace={trace} row={row} />
      {trace.kind(row) ? <Fact name="Kind">{trace.kind(row)}</Fact> : null}
      <Fact name="Span id">
        <code>{trace.spanId(row)}</code>
        <CopyButton text={trace.spanId(row)} label="Copy the span id" />
      </Fact>
      <Parent row={row} />
      <Children row={row} />
      {shift ? (
        <Fact name="Clock">moved by {formatDuration(shift)} to lie within its parent</Fact>
      ) : null}
      {state ? (
        <Fact name="Trace state">
          <code>{state}</code>
        </Fact>
      ) : null}
      <Dropped trace={trace} row={row} />
    </dl>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div className={styles.fact}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function ZoomButton({ row }: { readonly row: number }) {
  const view = useTraceView();
  const { trace } = view;
  const from = at(trace.start, row) - trace.begin;
  const spare = at(trace.duration, row) * 0.05;
  return (
    <button
      type="button"
      className={styles.link}
      onClick={() =>
        setZoom(view, { from: from - spare, to: from + at(trace.duration, row) + spare })
      }
    >
      Zoom to it
    </button>
  );
}

function Status({ trace, row }: { readonly trace: TraceData; readonly row: number }) {
  const status = trace.status(row);
  const message = trace.statusMessage(row);
  if (!status && !message) return null;
  const isError = (at(trace.flags, row) & ERROR) !== 0;
  const Icon = isError ? CircleAlert : CircleCheck;
  return (
    <Fact name="Status">
      <span className={isError ? styles.error : styles.ok}>
        <Icon size={14} aria-hidden /> {status || "unset"}
      </span>
      {message && !isError ? <span className={styles.message}>{message}</span> : null}
    </Fact>
  );
}

function Parent({ row }: { readonly row: number }) {
  const view = useTraceView();
  const { trace } = view;
  const parent = at(trace.parent, row);
  const parentId = trace.parentSpanId(row);
  if (parent < 0 && !parentId) return null;
  return (
    <Fact name="Parent">
      {parent < 0 ? (
        <>
          <code>{parentId}</code>
          {at(trace.flags, row) & ORPHAN ? (
            <span className={styles.missing}>not in this trace</span>
          ) : null}
        </>
      ) : (
        <SpanLink row={parent} />
      )}
    </Fact>
  );
}

const SHOWN_CHILDREN = 5;

function Children({ row }: { readonly row: number }) {
  const { trace } = useTraceView();
  const children: number[] = [];
  let count = 0;
  for (let child = row + 1; child < at(trace.next, row); child = at(trace.next, child)) {
    if (count++ < SHOWN_CHILDREN) children.push(child);
  }
  if (!count) return null;
  return (
    <Fact name="Children">
      <ul className={styles.children}>
        {children.map((child) => (
          <li key={child}>
            <SpanLink row={child} />
          </li>
        ))}
        {count > SHOWN_CHILDREN ? (
          <li className={styles.note}>
            and {(count - SHOWN_CHILDREN).toLocaleString("en-US")} more
          </li>
        ) : null}
      </ul>
    </Fact>
  );
}

/** A span of this trace, by its name; a click selects it. */
export function SpanLink({ row }: { readonly row: number }) {
  const view = useTraceView();
  const { trace } = view;
  return (
    <button type="button" className={styles.link} onClick={() => select(view, row)}>
      {serviceOf(trace, row)} {nameOf(trace, row)}
    </button>
  );
}

function Dropped({ trace, row }: { readonly trace: TraceData; readonly row: number }) {
  const { attributes, events, links } = trace.dropped(row);
  const parts = [
    attributes && `${attributes} attributes`,
    events && `${events} events`,
    links && `${links} links`,
  ].filter(Boolean);
  if (!parts.length) return null;
  return <Fact name="Dropped">{parts.join(", ")}, by the limits of the service’s SDK</Fact>;
}
