import { describe, expect, test } from "vitest";
import { DARK, LIGHT, listColors, serviceColors, type ServiceColor } from "@/model/colors";

type Triple = readonly [number, number, number];

/** What is seen of linear RGB, by rows; Machado, Oliveira and Fernandes 2009, severity 1. */
const VISIONS: Record<string, readonly [Triple, Triple, Triple]> = {
  normal: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

function linear(color: string): Triple {
  const channel = (at: number) => {
    const value = parseInt(color.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return [channel(1), channel(3), channel(5)];
}

function seen(color: string, vision: readonly Triple[]): Triple {
  const rgb = linear(color);
  const [red, green, blue] = vision.map((row) =>
    Math.min(1, Math.max(0, row[0] * rgb[0] + row[1] * rgb[1] + row[2] * rgb[2])),
  );
  return [red!, green!, blue!];
}

/** CIE L*a*b*, D65. */
function lab([red, green, blue]: Triple): Triple {
  const bend = (value: number) => (value > 0.008856 ? Math.cbrt(value) : 7.787 * value + 16 / 116);
  const x = bend((0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505);
  const y = bend(0.2126 * red + 0.7152 * green + 0.0722 * blue);
  const z = bend((0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

const luminance = (color: string) => {
  const [red, green, blue] = linear(color);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};

describe.each([
  ["light", LIGHT, "#ffffff"],
  ["dark", DARK, "#12161d"],
] as const)("the %s palette", (_, palette, background) => {
  test.each(Object.keys(VISIONS))("stays apart in %s vision", (name) => {
    const colors = palette.map((color) => lab(seen(color, VISIONS[name]!)));
    for (const [at, one] of colors.entries()) {
      for (const other of colors.slice(at + 1)) {
        const apart = Math.hypot(...one.map((value, axis) => value - other[axis]!));
        expect(apart).toBeGreaterThan(15);
      }
    }
  });

  test("stands out from the background", () => {
    for (const color of palette) {
      const [dim, bright] = [luminance(color), luminance(background)].sort((a, b) => a - b);
      expect((bright! + 0.05) / (dim! + 0.05)).toBeGreaterThan(2.95);
    }
  });
});

test("ten services differ in colour or stripes, and all in their letters", () => {
  const names = Array.from({ length: 10 }, (_, number) => `service-${number}`);
  const colors = [...serviceColors(names).values()];
  expect(new Set(colors.map(({ slot, striped }) => `${slot} ${striped}`)).size).toBe(10);
  expect(new Set(colors.map(({ badge }) => badge)).size).toBe(10);
});

const DEMO = [
  "api-gateway",
  "billing-service",
  "cns-service",
  "enrichment-service",
  "notification-service",
  "orchestrator",
  "temporal-worker",
  "tenant-management",
];
const signOf = ({ slot, striped }: ServiceColor) => `${slot} ${striped}`;

test("eight services have eight colours, the same in lists and in every trace", () => {
  const listed = listColors(DEMO, DEMO);
  expect(new Set([...listed.values()].map(({ slot }) => slot)).size).toBe(8);
  for (const first of DEMO) {
    for (const second of DEMO) {
      const colors = serviceColors([first, second], DEMO);
      expect(colors.get(first)).toEqual(listed.get(first));
      expect(listColors([second], DEMO).get(second)).toEqual(listed.get(second));
    }
  }
});

test("of a hundred services those of a trace differ, and keep their colour where they can", () => {
  const all = Array.from({ length: 100 }, (_, number) => `service-${number}`);
  const listed = listColors(all, all);
  const trace = all.slice(40, 54);
  const colors = serviceColors(trace, all);
  expect([...colors.keys()].sort()).toEqual([...trace].sort());
  expect(new Set([...colors.values()].map(signOf)).size).toBe(14);
  expect(new Set([...colors.values()].map(({ badge }) => badge)).size).toBe(14);
  const kept = trace.filter((name) => signOf(colors.get(name)!) === signOf(listed.get(name)!));
  expect(kept.length).toBeGreaterThan(4);
  expect(serviceColors(["service-7"], all).get("service-7")).toEqual(listed.get("service-7"));
});

test("a new service changes the colours of few others", () => {
  const before = listColors(DEMO, DEMO);
  for (const fresh of ["aardvark", "mail", "zebra"]) {
    const after = listColors(DEMO, [...DEMO, fresh]);
    const changed = DEMO.filter((name) => after.get(name)!.slot !== before.get(name)!.slot);
    expect(changed.length).toBeLessThanOrEqual(3);
  }
});
