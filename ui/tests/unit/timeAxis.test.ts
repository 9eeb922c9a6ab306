import { expect, it } from "vitest";
import { readDuration } from "@/model/duration";
import { clampZoom, formatTick, pan, ticks, zoomAt } from "@/model/timeAxis";

it("keeps a zoom within the trace and not closer than a microsecond", () => {
  expect(clampZoom({ from: -5e6, to: 5e6 }, 20e6)).toEqual({ from: 0, to: 10e6 });
  expect(clampZoom({ from: 15e6, to: 25e6 }, 20e6)).toEqual({ from: 10e6, to: 20e6 });
  expect(clampZoom({ from: 0, to: 99e6 }, 20e6)).toEqual({ from: 0, to: 20e6 });
  expect(clampZoom({ from: 5000, to: 5001 }, 20e6)).toEqual({ from: 5000, to: 6000 });
  expect(clampZoom({ from: 0, to: 1 }, 400)).toEqual({ from: 0, to: 400 });
});

it("zooms around a point, which stays where it is", () => {
  const zoom = zoomAt({ from: 0, to: 100e6 }, 20e6, 0.5, 100e6);
  expect(zoom).toEqual({ from: 10e6, to: 60e6 });
  expect((20e6 - zoom.from) / (zoom.to - zoom.from)).toBe(0.2);
});

it("pans by a share of what is shown, and stops at the ends", () => {
  expect(pan({ from: 10e6, to: 20e6 }, 0.5, 100e6)).toEqual({ from: 15e6, to: 25e6 });
  expect(pan({ from: 10e6, to: 20e6 }, -5, 100e6)).toEqual({ from: 0, to: 10e6 });
});

it.each([
  [{ from: 0, to: 422e6 }, 6, ["0", "100 ms", "200 ms", "300 ms", "400 ms"]],
  [{ from: 0, to: 2.07e9 }, 5, ["0", "500 ms", "1.0 s", "1.5 s", "2.0 s"]],
  [{ from: 1.2504e9, to: 1.2516e9 }, 3, ["1.2505 s", "1.2510 s", "1.2515 s"]],
  [{ from: 0, to: 95e9 }, 4, ["0", "30 s", "1 m 00 s", "1 m 30 s"]],
  [{ from: 0, to: 10 }, 5, ["0", "2 ns", "4 ns", "6 ns", "8 ns", "10 ns"]],
])("writes round times %o", (zoom, most, expected) => {
  const { step, at } = ticks(zoom, most);
  expect(at.map((time) => formatTick(time, step))).toEqual(expected);
});

it.each([
  ["500us", 500e3],
  ["1.2 s", 1.2e9],
  ["12.3 µs", 12_300],
  ["2m", 120e9],
  ["15", 15e6],
  [".5ms", 5e5],
  ["", null],
  ["fast", null],
  ["5 parsec", null],
])("reads the duration %s", (text, nanos) => {
  expect(readDuration(text)).toBe(nanos);
});
