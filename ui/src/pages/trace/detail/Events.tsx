/** What happened while a span ran: on a small time axis, then one by one. */

import { useSettings } from "@/app/settings";
import { formatOffset } from "@/model/format";
import { formatClock } from "@/model/time";
import { at } from "@/model/trace";
import { microsOf, type SpanEvent, type TraceData } from "@/model/traceData";
import { usePreferences, type EventTimes } from "../preferences";
import { useTraceView } from "../store";
import { AttributeTable, SearchLink } from "./AttributeGroups";
import { Section } from "./Section";
import styles from "./Events.module.css";

export function Events({ row }: { readonly row: number }) {
  const { trace } = useTraceView();
  const eventTimes = usePreferences(({ eventTimes }) => eventTimes);
  const events = trace.events(row);
  if (!events.length) return null;
  return (
    <Section title="Events" count={events.length} tools={<TimesChoice />}>
      <Axis trace={trace} row={row} events={events} />
      <ol className={styles.events}>
        {events.map((event, index) => (
          <li key={index}>
            <p className={styles.event}>
              <EventTime {...{ trace, row, event, eventTimes }} />
              <strong>{event.name || "event"}</strong>
              {event.name ? (
                <SearchLink attribute={{ key: "event", value: event.name }} level="any" />
              ) : null}
            </p>
            <EventAttributes event={event} />
          </li>
        ))}
      </ol>
    </Section>
  );
}

/** The stack of an exception stands on top of the panel already. */
function EventAttributes({ event: { name, attributes } }: { readonly event: SpanEvent }) {
  const shown = attributes.filter(({ key }) => key !== "exception.stacktrace");
  if (!shown.length) return null;
  return <AttributeTable attributes={shown} level="any" caption={`Attributes of ${name}`} />;
}

function TimesChoice() {
  const eventTimes = usePreferences(({ eventTimes }) => eventTimes);
  const set = usePreferences(({ set }) => set);
  return (
    <select
      className={styles.choice}
      aria-label="Times of events"
      value={eventTimes}
      onChange={(event) => set({ eventTimes: event.currentTarget.value as EventTimes })}
    >
      <option value="span">since the span began</option>
      <option value="trace">since the trace began</option>
      <option value="absolute">time of day</option>
    </select>
  );
}

function EventTime({
  trace,
  row,
  event,
  eventTimes,
}: {
  readonly trace: TraceData;
  readonly row: number;
  readonly event: SpanEvent;
  readonly eventTimes: EventTimes;
}) {
  const zone = useSettings((settings) => settings.zone);
  const since = eventTimes === "span" ? at(trace.start, row) : trace.begin;
  return (
    <span className={styles.time}>
      {eventTimes === "absolute"
        ? formatClock(microsOf(trace, event.time), zone, "microsecond")
        : formatOffset(event.time - since)}
    </span>
  );
}

/** Where the events lie in the span: a picture of the list below it. */
function Axis({
  trace,
  row,
  events,
}: {
  readonly trace: TraceData;
  readonly row: number;
  readonly events: readonly SpanEvent[];
}) {
  const start = at(trace.start, row);
  const duration = Math.max(1, at(trace.duration, row));
  return (
    <div className={styles.axis} aria-hidden>
      {events.map(({ time }, index) => (
        <span
          key={index}
          style={{ left: `${Math.min(100, Math.max(0, ((time - start) / duration) * 100))}%` }}
        />
      ))}
    </div>
  );
}
