/** All events of a trace as one log, in the order of time. */

import { nameOf, serviceOf, type Attribute, type SpanEvent, type TraceData } from "./traceData";

/** Where an event is: the row of its span, and its place among the events of that span. */
export interface LogLine {
  readonly row: number;
  readonly place: number;
  /** Nanoseconds since the base of the trace. */
  readonly time: number;
}

/** The events of rows by time; those at the same time in the order of the rows. */
export function logLines(trace: TraceData, rows: Iterable<number>): LogLine[] {
  const lines: LogLine[] = [];
  for (const row of rows) {
    trace.eventTimes(row).forEach((time, place) => lines.push({ row, place, time }));
  }
  return lines.sort((one, other) => one.time - other.time);
}

/** Reads events, and remembers those of the spans asked for last. */
export function eventReader(trace: TraceData): (line: LogLine) => SpanEvent {
  const known = new Map<number, readonly SpanEvent[]>();
  return ({ row, place }) => {
    let events = known.get(row);
    if (!events) {
      if (known.size > MOST_KNOWN) known.clear();
      known.set(row, (events = trace.events(row)));
    }
    return events[place]!;
  };
}

const MOST_KNOWN = 500;

/** What an exception event tells; null for other events. */
export interface Exception {
  readonly type: string;
  readonly message: string;
  readonly stack: string;
}

export function exceptionOf({ name, attributes }: SpanEvent): Exception | null {
  const value = (key: string) => attributes.find((attribute) => attribute.key === key)?.value ?? "";
  const found = {
    type: value("exception.type"),
    message: value("exception.message"),
    stack: value("exception.stacktrace"),
  };
  return name === "exception" || found.type || found.stack ? found : null;
}

/** An event in one line: the exception, or its attributes. */
export function summaryOf(event: SpanEvent): string {
  const exception = exceptionOf(event);
  if (exception) return [exception.type, exception.message].filter(Boolean).join(": ");
  return event.attributes.map(pair).join("  ");
}

function pair({ key, value }: Attribute): string {
  return `${key}=${value.replace(/\s+/g, " ")}`;
}

/** The lines that contain every word, in the event or in the name of its span or service. */
export function filterLines(
  trace: TraceData,
  lines: readonly LogLine[],
  text: string,
): readonly LogLine[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return lines;
  const read = eventReader(trace);
  return lines.filter((line) => {
    const event = read(line);
    const whole = [
      serviceOf(trace, line.row),
      nameOf(trace, line.row),
      event.name,
      ...event.attributes.map(({ key, value }) => `${key}=${value}`),
    ]
      .join("\n")
      .toLowerCase();
    return words.every((word) => whole.includes(word));
  });
}
