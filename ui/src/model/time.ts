/** Points in time: how they are written in a chosen zone, and how pasted ones are read. */

/** `local`, `utc`, or a name such as `Asia/Kolkata`. */
export type Zone = string;

export type Precision = "second" | "millisecond" | "microsecond";

/** Microseconds since 1970 as `2026-11-26 01:53:28.920 +05:30`; the offset is always told. */
export function formatTime(
  micros: number,
  zone: Zone,
  precision: Precision = "millisecond",
): string {
  const { date, clock, offset } = parts(micros, zone);
  return `${date} ${clock}${fraction(micros, precision)} ${offset}`;
}

/** The same without date and offset, for places that tell these elsewhere. */
export function formatClock(micros: number, zone: Zone, precision: Precision = "second"): string {
  return parts(micros, zone).clock + fraction(micros, precision);
}

export function formatDate(micros: number, zone: Zone): string {
  return parts(micros, zone).date;
}

/** The offset of a zone at a point in time, such as `+05:30`. */
export function offsetOf(micros: number, zone: Zone): string {
  return parts(micros, zone).offset;
}

/** How long ago, in the largest unit that fits: `just now`, `5 min ago`, `3 d ago`. */
export function formatAge(micros: number, nowMicros: number): string {
  const seconds = Math.max(0, nowMicros - micros) / 1e6;
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

/**
 * Reads what people paste: ISO 8601, with the chosen zone where it names none, or a number of
 * seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by its size.
 * Returns microseconds, or null where it is neither.
 */
export function parseTime(text: string, zone: Zone): number | null {
  const trimmed = text.trim();
  if (/^\d{9,19}(\.\d+)?$/.test(trimmed)) return ofEpoch(Number(trimmed));
  const match =
    /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?\s*(Z|UTC|[+-]\d\d:?\d\d)?$/i.exec(
      trimmed,
    );
  if (!match) return null;
  const [year, month, day, hour, minute, second] = match
    .slice(1, 7)
    .map((part?: string) => Number(part ?? 0));
  const micros = Math.floor(Number(`0.${match[7] ?? "0"}`) * 1e6);
  const wall = Date.UTC(year!, month! - 1, day, hour, minute, second) * 1000 + micros;
  if (new Date(wall / 1000).getUTCMonth() !== month! - 1 || hour! > 23 || minute! > 59) return null;
  const offset = match[8];
  if (offset) return wall - minutesOf(offset) * 60e6;
  // The offset at a wall time is that of the instant it stands for: looked up twice for the days on
  // which clocks change.
  const guess = wall - minutesOf(offsetOf(wall, zone)) * 60e6;
  return wall - minutesOf(offsetOf(guess, zone)) * 60e6;
}

function ofEpoch(number: number): number {
  if (number < 1e11) return number * 1e6;
  if (number < 1e14) return number * 1e3;
  if (number < 1e17) return number;
  return Math.round(number / 1e3);
}

function minutesOf(offset: string): number {
  const match = /([+-])(\d\d):?(\d\d)/.exec(offset);
  if (!match) return 0;
  return (match[1] === "-" ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3]));
}

function fraction(micros: number, precision: Precision): string {
  if (precision === "second") return "";
  const rest = Math.floor(((micros % 1e6) + 1e6) % 1e6);
  const digits = String(rest).padStart(6, "0");
  return "." + (precision === "millisecond" ? digits.slice(0, 3) : digits);
}

const formats = new Map<Zone, Intl.DateTimeFormat>();

function formatOf(zone: Zone): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-GB", {
      ...(zone === "local" ? {} : { timeZone: zone === "utc" ? "UTC" : zone }),
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      hourCycle: "h23",
      timeZoneName: "longOffset",
    });
    formats.set(zone, format);
  }
  return format;
}

function parts(micros: number, zone: Zone): { date: string; clock: string; offset: string } {
  const found: Record<string, string> = {};
  for (const { type, value } of formatOf(zone).formatToParts(Math.floor(micros / 1000))) {
    found[type] = value;
  }
  const offset = (found["timeZoneName"] ?? "").replace("GMT", "");
  return {
    date: `${found["year"]}-${found["month"]}-${found["day"]}`,
    clock: `${found["hour"]}:${found["minute"]}:${found["second"]}`,
    offset: offset || "+00:00",
  };
}
