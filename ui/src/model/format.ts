/** How durations, counts, shares and sizes are written: one way, everywhere. */

const UNITS: readonly [unit: string, nanos: number][] = [
  ["ns", 1],
  ["µs", 1e3],
  ["ms", 1e6],
  ["s", 1e9],
];
const MINUTE = 60e9;
const HOUR = 60 * MINUTE;

/** Nanoseconds in three significant digits: `850 ns`, `12.3 µs`, `2.35 s`, `1 m 05 s`. */
export function formatDuration(nanos: number): string {
  const sign = nanos < 0 ? "−" : "";
  const size = Math.abs(nanos);
  // What rounds to a minute is written as one.
  if (size >= 59.95e9) return sign + formatLong(size);
  const [unit, scale] = UNITS.findLast(([, nanos]) => size >= nanos * 0.9995) ?? UNITS[0]!;
  return sign + (scale === 1 ? `${Math.round(size)} ns` : `${threeDigits(size / scale)} ${unit}`);
}

/** A point in time relative to another: `+1.20 ms`, `−113 ms` where it lies before. */
export function formatOffset(nanos: number): string {
  return (nanos < 0 ? "" : "+") + formatDuration(nanos);
}

/** A power of ten as the tick of an axis: `10 ms`, `100 s`. */
export function formatDurationTick(nanos: number): string {
  const [unit, scale] = UNITS.findLast(([, nanosOfUnit]) => nanos >= nanosOfUnit) ?? UNITS[0]!;
  return `${(nanos / scale).toLocaleString("en-US", { maximumSignificantDigits: 3 })} ${unit}`;
}

function formatLong(size: number): string {
  const seconds = Math.round(size / 1e9);
  if (seconds < 3600) {
    return `${Math.floor(seconds / 60)} m ${pad(seconds % 60)} s`;
  }
  const minutes = Math.round(size / MINUTE);
  return `${Math.floor((minutes * MINUTE) / HOUR)} h ${pad(minutes % 60)} m`;
}

function pad(number: number): string {
  return String(number).padStart(2, "0");
}

function threeDigits(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  if (value >= 9.995) return value.toFixed(1);
  return value.toFixed(2);
}

/** A count: exact to `9,999`, then `12.3 k`, `4.56 M`. */
export function formatCount(count: number): string {
  if (count < 10_000) return Math.round(count).toLocaleString("en-US");
  for (const [unit, scale] of [
    ["G", 1e9],
    ["M", 1e6],
    ["k", 1e3],
  ] as const) {
    if (count >= scale * 0.9995) return `${threeDigits(count / scale)} ${unit}`;
  }
  return String(count);
}

/** A part of one: `12.5 %`, and `<0.1 %` for what is there but small. */
export function formatShare(share: number): string {
  if (share > 0 && share < 0.001) return "<0.1 %";
  return `${(share * 100).toFixed(1)} %`;
}

/** Bytes in binary units: `512 B`, `1.50 KiB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${Math.round(bytes)} B`;
  let value = bytes;
  let unit = -1;
  do {
    value /= 1024;
    unit += 1;
  } while (value >= 999.5 && unit < 3);
  return `${threeDigits(value)} ${["KiB", "MiB", "GiB", "TiB"][unit] ?? "TiB"}`;
}

const RATE_SECONDS = { s: 1, min: 60, h: 3600 } as const;

export type RateUnit = keyof typeof RATE_SECONDS;

/** The unit a rate reads best in; of rates that are compared, the largest decides for all. */
export function rateUnit(perSecond: number): RateUnit {
  if (perSecond >= 0.9995 || !(perSecond > 0)) return "s";
  return perSecond * RATE_SECONDS.min >= 0.9995 ? "min" : "h";
}

/** So many in so many seconds: `12.3 /s`, `4.50 /min`, `2.00 /h`; in a unit given, or the best. */
export function formatRate(count: number, seconds: number, unit?: RateUnit): string {
  const perSecond = seconds > 0 ? count / seconds : 0;
  const chosen = unit ?? rateUnit(perSecond);
  const rate = perSecond * RATE_SECONDS[chosen];
  if (!rate) return `0 /${chosen}`;
  return rate < 0.005 ? `<0.01 /${chosen}` : `${rounded(rate)} /${chosen}`;
}

function rounded(rate: number): string {
  return rate < 99.95 ? threeDigits(rate) : formatCount(rate);
}
