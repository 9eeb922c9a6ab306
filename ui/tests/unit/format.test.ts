import { describe, expect, it } from "vitest";
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatDurationTick,
  formatOffset,
  formatRate,
  formatShare,
  rateUnit,
} from "@/model/format";

describe("formatDuration", () => {
  it.each([
    [0, "0 ns"],
    [1, "1 ns"],
    [850, "850 ns"],
    [999.6, "1.00 µs"],
    [12_345, "12.3 µs"],
    [45_600_000, "45.6 ms"],
    [999_600_000, "1.00 s"],
    [1_000_000_000, "1.00 s"],
    [2_350_000_000, "2.35 s"],
    [59_940_000_000, "59.9 s"],
    [59_990_000_000, "1 m 00 s"],
    [65_000_000_000, "1 m 05 s"],
    [7_380_000_000_000, "2 h 03 m"],
    [-1_500_000, "−1.50 ms"],
  ])("writes %d as %s", (nanos, text) => {
    expect(formatDuration(nanos)).toBe(text);
  });
});

it("writes offsets with one sign", () => {
  expect(formatOffset(94_800_000)).toBe("+94.8 ms");
  expect(formatOffset(0)).toBe("+0 ns");
  expect(formatOffset(-113_000_000)).toBe("−113 ms");
});

it("writes counts, shares and sizes", () => {
  expect(formatCount(1234)).toBe("1,234");
  expect(formatCount(12_345)).toBe("12.3 k");
  expect(formatCount(999_960)).toBe("1.00 M");
  expect(formatShare(0.125)).toBe("12.5 %");
  expect(formatShare(0.0004)).toBe("<0.1 %");
  expect(formatShare(0)).toBe("0.0 %");
  expect(formatBytes(512)).toBe("512 B");
  expect(formatBytes(1536)).toBe("1.50 KiB");
});

it("writes rates in the unit that reads best", () => {
  expect(formatRate(0, 60)).toBe("0 /s");
  expect(formatRate(738, 60)).toBe("12.3 /s");
  expect(formatRate(120_000, 60)).toBe("2,000 /s");
  expect(formatRate(270, 3600)).toBe("4.50 /min");
  expect(formatRate(2, 3600)).toBe("2.00 /h");
});

it("writes rates that are compared in one unit", () => {
  const unit = rateUnit(2);
  expect(formatRate(120, 60, unit)).toBe("2.00 /s");
  expect(formatRate(30, 60, unit)).toBe("0.50 /s");
  expect(formatRate(1, 3600, unit)).toBe("<0.01 /s");
  expect(formatRate(0, 60, "min")).toBe("0 /min");
});

it("writes ticks of durations in one unit each", () => {
  expect([1e4, 1e7, 1e9, 1e11].map(formatDurationTick)).toEqual(["10 µs", "10 ms", "1 s", "100 s"]);
});
