/** The events of all spans as one log, in the order of time. */

import { CircleAlert } from "lucide-react";
import { useDeferredValue, useMemo, useState } from "react";
import { useSettings } from "@/app/settings";
import {
  eventReader,
  exceptionOf,
  filterLines,
  logLines,
  summaryOf,
  type LogLine,
} from "@/model/events";
import { formatClock } from "@/model/time";
import { toggled } from "@/model/toggled";
import { microsOf, nameOf, serviceOf, type SpanEvent } from "@/model/traceData";
import { CopyButton } from "@/parts/CopyButton";
import { CheckBox, TextField } from "@/parts/Field";
import { Duration } from "@/parts/Figures";
import { ServiceMark } from "@/parts/ServiceMark";
import { Empty } from "@/parts/States";
import { VirtualTable, type VirtualColumn } from "@/parts/VirtualTable";
import type { ViewProps } from "./props";
import { describeCount, describeFilter, useMatches, useShownRows } from "./shownRows";
import logStyles from "./LogsView.module.css";
import styles from "./View.module.css";

export default function LogsView(props: ViewProps) {
  const { trace, selected } = props;
  const rows = useShownRows(props);
  const matches = useMatches(props);
  const all = useMemo(() => logLines(trace, rows), [trace, rows]);
  const read = useMemo(() => eventReader(trace), [trace]);
  const [text, setText] = useState("");
  const [exceptionsOnly, setExceptionsOnly] = useState(false);
  const filter = useDeferredValue(text);
  const lines = useMemo(() => {
    const filtered = filterLines(trace, all, filter);
    return exceptionsOnly ? filtered.filter((line) => exceptionOf(read(line))) : filtered;
  }, [trace, all, read, filter, exceptionsOnly]);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const columns = useColumns(props, read);
  if (!all.length) {
    return (
      <Empty title="No events">
        No span shown has events. A service adds them with <code>span.add_event()</code> or{" "}
        <code>record_exception()</code>.
      </Empty>
    );
  }
  const toggle = (line: LogLine) => setOpen(toggled(open, keyOf(line)));
  return (
    <section className={styles.view} aria-label="Logs">
      <div className={styles.tools}>
        <TextField
          label="Filter events"
          hideLabel
          type="search"
          placeholder="Filter events"
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <CheckBox
          label="Exceptions only"
          checked={exceptionsOnly}
          onChange={(event) => setExceptionsOnly(event.currentTarget.checked)}
        />
        <span className={styles.count} role="status">
          {describeFilter(props)}
          {describeCount(lines.length, all.length, "event")}
        </span>
      </div>
      <VirtualTable
        caption="Events by time"
        columns={columns}
        rows={lines}
        rowKey={keyOf}
        selected={({ row }) => row === selected}
        marked={({ row }) => matches?.[row] === 1}
        onOpen={toggle}
        detail={(line) => (open.has(keyOf(line)) ? <EventDetail event={read(line)} /> : null)}
        empty="No event has all of these words."
      />
    </section>
  );
}

function keyOf({ row, place }: LogLine): string {
  return `${row} ${place}`;
}

function useColumns(
  { trace, colors, onSelect }: ViewProps,
  read: (line: LogLine) => SpanEvent,
): VirtualColumn<LogLine>[] {
  const zone = useSettings((settings) => settings.zone);
  return useMemo(
    () => [
      {
        key: "offset",
        title: "After",
        hint: "Since the start of the trace",
        numeric: true,
        width: 84,
        render: ({ time }) => <Duration nanos={time - trace.begin} />,
      },
      {
        key: "time",
        title: "Time",
        width: 124,
        render: ({ time }) => formatClock(microsOf(trace, time), zone, "microsecond"),
      },
      {
        key: "span",
        title: "Span",
        width: 220,
        grow: 1,
        render: ({ row }) => (
          <button
            type="button"
            tabIndex={-1}
            className={`${styles.link} ${styles.name}`}
            title={`Show the span ${serviceOf(trace, row)}: ${nameOf(trace, row)}`}
            onClick={(event) => {
              event.stopPropagation();
              onSelect(row);
            }}
          >
            <ServiceMark color={colors.get(serviceOf(trace, row))!} />
            <span>{nameOf(trace, row)}</span>
          </button>
        ),
      },
      {
        key: "event",
        title: "Event",
        width: 400,
        grow: 4,
        render: (line) => <EventLine event={read(line)} />,
      },
    ],
    [trace, colors, onSelect, read, zone],
  );
}

function EventLine({ event }: { readonly event: SpanEvent }) {
  return (
    <span className={logStyles.event}>
      <span className={exceptionOf(event) ? styles.error : logStyles.name}>
        {exceptionOf(event) ? <CircleAlert size={13} aria-hidden /> : null}
        {event.name}
      </span>
      <span className={`${logStyles.summary} mono`}>{summaryOf(event)}</span>
    </span>
  );
}

function EventDetail({ event }: { readonly event: SpanEvent }) {
  const exception = exceptionOf(event);
  const others = event.attributes.filter(
    ({ key }) => !exception || !key.startsWith("exception.") || key === "exception.escaped",
  );
  return (
    <div className={logStyles.detail}>
      {exception ? (
        <>
          <p className={styles.error}>
            {exception.type || "Exception"}
            {exception.message ? `: ${exception.message}` : ""}
          </p>
          {exception.stack ? (
            <div className={logStyles.stack}>
              <CopyButton text={exception.stack} label="Copy the stack" />
              <pre>{exception.stack}</pre>
            </div>
          ) : null}
        </>
      ) : null}
      {others.length ? (
        <dl className={logStyles.attributes}>
          {others.map(({ key, value }, index) => (
            <div key={`${key} ${index}`}>
              <dt>{key}</dt>
              <dd className="mono">{value}</dd>
            </div>
          ))}
        </dl>
      ) : exception ? null : (
        <p className={styles.muted}>The event has no attributes.</p>
      )}
    </div>
  );
}
