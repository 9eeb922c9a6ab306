/** Axes of charts: where ticks stand. */

const SECOND = 1e6;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const STEPS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500].map((count) => count * 1000),
  ...[1, 2, 5, 10, 15, 30].map((count) => count * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((count) => count * MINUTE),
  ...[1, 2, 3, 6, 12].map((count) => count * HOUR),
  ...[1, 2, 7, 14, 28].map((count) => count * DAY),
];

/** Round points in time within a window, in microseconds; round in a zone that many µs east. */
export function timeTicks(start: number, end: number, most: number, east = 0): readonly number[] {
  const step = STEPS.find((step) => (end - start) / step <= most) ?? 364 * DAY;
  const ticks: number[] = [];
  for (let tick = Math.ceil((start + east) / step) * step - east; tick <= end; tick += step) {
    ticks.push(tick);
  }
  return ticks;
}

/** Two to five round numbers from zero up to a highest one. */
export function countTicks(most: number): readonly number[] {
  const step = roundUp(most / 2.5);
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, index) => index * step);
}

/** The next number that is one, two or five times a power of ten. */
function roundUp(value: number): number {
  if (value <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5].find((digit) => digit * power >= value) ?? 10) * power;
}

/** Powers of ten within a range. */
export function decades(low: number, high: number): readonly number[] {
  const found: number[] = [];
  for (let power = Math.ceil(Math.log10(low) - 1e-9); 10 ** power <= high * 1.000001; power++) {
    found.push(10 ** power);
  }
  return found;
}
