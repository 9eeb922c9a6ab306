import { describe, expect, it } from "vitest";
import { contextAt, insertAt, serviceBeside } from "@/model/lineSuggestions";

/** The context where `|` stands in a line. */
function at(marked: string) {
  const caret = marked.indexOf("|");
  return contextAt(marked.replace("|", ""), caret);
}

describe("contextAt", () => {
  it.each([
    ["|", { expects: "name", typed: "" }],
    ["ser|", { expects: "name", typed: "ser" }],
    ["ser|vice=x", { expects: "name", typed: "ser", begin: 0, end: 7 }],
    ["service=x |", { expects: "name", typed: "", begin: 10 }],
    ["service=x -|", { expects: "name", typed: "", begin: 11 }],
    ["(service=x OR ki|", { expects: "name", typed: "ki", begin: 14 }],
    ["error http.|", { expects: "name", typed: "http.", begin: 6 }],
    ["service!|", { expects: "operator", name: "service", typed: "!" }],
    ["service=|", { expects: "value", name: "service", operator: "=", typed: "" }],
    ["a.b != |", { expects: "value", name: "a.b", operator: "!=", typed: "" }],
    ["a.b>=1|0 c", { expects: "value", name: "a.b", operator: ">=", typed: "1", end: 7 }],
    ['op="GET /v|', { expects: "value", name: "op", typed: "GET /v", begin: 3, end: 10 }],
    ['op="GET /" |', { expects: "name", typed: "" }],
    ["a=1 or|", { expects: "name", typed: "or", begin: 4 }],
    ["a=1 or |", { expects: "name", typed: "", begin: 7 }],
  ])("%s", (marked, context) => {
    expect(at(marked)).toMatchObject(context);
  });

  it("never fails, wherever the caret stands", () => {
    const line = '-(a="b c" OR !d >= 5) "e f" != g* not h ) "i';
    for (let caret = 0; caret <= line.length; caret++) {
      const { begin, end } = contextAt(line, caret);
      expect(begin).toBeLessThanOrEqual(caret);
      expect(end).toBeGreaterThanOrEqual(caret);
    }
  });
});

it.each([
  ["service=cart http.route=|", "cart"],
  ["service=cart -|", "cart"],
  ["service=cart -ht|", "cart"],
  ["a| service=cart", "cart"],
  ["service=cart service.version=1|.2 error", "cart"],
  ["service=car|", ""],
  ["service!=cart a=|", ""],
  ["service=cart OR a=|", ""],
])("knows the service beside what is being written: %s", (marked, service) => {
  expect(serviceBeside(marked.replace("|", ""), at(marked))).toBe(service);
});

it("puts a suggestion where it belongs and the caret behind it", () => {
  expect(insertAt("ser|x=1".replace("|", ""), at("ser|x=1"), "service")).toEqual({
    line: "service=1",
    caret: 7,
  });
  expect(insertAt("kind=se error", at("kind=se| error"), "server ")).toEqual({
    line: "kind=server error",
    caret: 12,
  });
});
