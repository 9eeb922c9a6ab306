/** Durations as people write them: `500us`, `1.2 s`, `2m`. */

const NANOS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  min: 60e9,
  h: 3600e9,
};

/** Nanoseconds; null where it is no duration. A number alone is milliseconds. */
export function readDuration(text: string): number | null {
  const match = /^\s*(\d+(?:\.\d*)?|\.\d+)\s*(\p{L}*)\s*$/u.exec(text);
  if (!match) return null;
  const nanos = NANOS[match[2] || "ms"];
  return nanos === undefined ? null : Number(match[1]) * nanos;
}
