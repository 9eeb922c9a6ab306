import { expect, it } from "vitest";
import { serviceColors } from "@/model/colors";
import { matches, parseFind } from "@/model/find";

const span = {
  spanId: "00F067AA0BA902B7",
  name: "GET /cart",
  service: "front",
  attributes: [
    ["http.method", "GET"],
    ["db.statement", "SELECT redis"],
  ] as const,
};

it.each([
  ["cart", true],
  ["nothing CART", true],
  ['"get /cart"', true],
  ['"cart get"', false],
  ["00f067aa0ba902b7", true],
  ["00f067aa", false],
  ["http.method=get", true],
  ["-http redis", true],
  ["-db redis", false],
  ["", false],
])("finds %s: %s", (text, expected) => {
  expect(matches(parseFind(text), span)).toBe(expected);
});

it("gives services the same colours in any order, all different to eight", () => {
  const names = ["cart", "front", "store", "billing", "orders", "users", "search", "mail"];
  const colors = serviceColors(names);
  expect(new Set([...colors.values()].map((color) => color.slot)).size).toBe(8);
  expect(serviceColors([...names].reverse())).toEqual(colors);
  const badges = [...colors.values()].map((color) => color.badge);
  expect(new Set(badges).size).toBe(8);
});

it("stripes colours from the ninth service on", () => {
  const colors = serviceColors(Array.from({ length: 10 }, (_, n) => `service-${n}`));
  expect([...colors.values()].filter((color) => color.striped)).toHaveLength(2);
});
