import { describe, expect, it } from "vitest";
import {
  addTerm,
  durationTerm,
  fieldTerm,
  formTerms,
  readTerms,
  replaceTerm,
  withDuration,
  withField,
  writeComparison,
} from "@/model/searchLine";

describe("readTerms", () => {
  it("takes a line apart where comparisons stand side by side", () => {
    const line = 'service=cns-service duration > 1s  tenant.id = "12 345" AND error exception.type';
    expect(readTerms(line).map(({ text, comparison }) => [text, comparison])).toEqual([
      ["service=cns-service", { name: "service", operator: "=", value: "cns-service" }],
      ["duration > 1s", { name: "duration", operator: ">", value: "1s" }],
      ['tenant.id = "12 345"', { name: "tenant.id", operator: "=", value: "12 345" }],
      ["error", { name: "status", operator: "=", value: "error" }],
      ["exception.type", { name: "exception.type", operator: "exists", value: "" }],
    ]);
  });

  it("reads aliases, negations and escaped quotes", () => {
    const line = String.raw`name="say \"hi\"" -span.kind=client NOT cache.hit !a.b!=c -x>1`;
    expect(readTerms(line).map(({ comparison }) => comparison)).toEqual([
      { name: "operation", operator: "=", value: 'say "hi"' },
      { name: "kind", operator: "!=", value: "client" },
      { name: "cache.hit", operator: "missing", value: "" },
      { name: "a.b", operator: "=", value: "c" },
      null,
    ]);
  });

  it("leaves groups, and lines joined by OR, as they are", () => {
    expect(readTerms('(a=1 OR b="x)") c=2').map(({ text }) => text)).toEqual([
      '(a=1 OR b="x)")',
      "c=2",
    ]);
    expect(readTerms("a=1 b=2 OR c=3 ")).toEqual([
      { text: "a=1 b=2 OR c=3", begin: 0, end: 14, comparison: null },
    ]);
  });

  it.each(["a=", "(a=1", 'a="x', ")", "duration>> 1 )"])("keeps broken %s in one piece", (line) => {
    expect(readTerms(line).at(-1)).toMatchObject({ comparison: null });
    expect(readTerms(line).map(({ text }) => text)).toEqual([line]);
  });
});

describe("changing a line", () => {
  it("changes one term and nothing else", () => {
    const line = "service=cart  (a=1 OR b=2) error";
    expect(withField(line, "service", "check out")).toBe('service="check out" (a=1 OR b=2) error');
    expect(withField(line, "service", "")).toBe("(a=1 OR b=2) error");
    expect(withField(line, "status", "ok")).toBe("service=cart  (a=1 OR b=2) status=ok");
    expect(withField(line, "kind", "server")).toBe(`${line} kind=server`);
    expect(withField(line, "kind", "")).toBe(line);
    expect(withField("", "status", "error")).toBe("error");
  });

  it("sets bounds of the duration apart from each other", () => {
    const line = withDuration(withDuration("error", "minimum", "1s"), "maximum", "2s");
    expect(line).toBe("error duration>=1s duration<=2s");
    expect(withDuration(line, "minimum", "")).toBe("error duration<=2s");
    expect(durationTerm("duration>5ms", "minimum")?.comparison?.value).toBe("5ms");
    expect(durationTerm("duration>5ms", "maximum")).toBeUndefined();
  });

  it("puts what an OR joins into parentheses before it adds", () => {
    expect(addTerm("a=1 OR b=2", "error")).toBe("(a=1 OR b=2) error");
    expect(addTerm("(a=1 OR b=2)", "error")).toBe("(a=1 OR b=2) error");
    expect(addTerm("(a=1) OR (b=2)", "error")).toBe("((a=1) OR (b=2)) error");
    expect(addTerm("(a=1", "error")).toBe("(a=1 error");
  });

  it("replaces the term it is told, among alike ones", () => {
    const terms = readTerms("a=1 b=2 a=1");
    expect(replaceTerm("a=1 b=2 a=1", terms[2]!, "a=3")).toBe("a=1 b=2 a=3");
    expect(replaceTerm("a=1 b=2 a=1", terms[0]!, "")).toBe("b=2 a=1");
  });
});

it("writes comparisons that read back as they were", () => {
  for (const comparison of [
    { name: "tenant.id", operator: "=", value: "" },
    { name: "or", operator: "exists", value: "" },
    { name: "-a b=c", operator: "!=", value: 'x "y" (z) \\' },
    { name: "http.status", operator: ">=", value: "500" },
    { name: "cache.hit", operator: "missing", value: "" },
    { name: "status", operator: "!=", value: "error" },
  ] as const) {
    expect(readTerms(writeComparison(comparison))[0]?.comparison).toEqual(comparison);
  }
});

it("tells attributes from fields and from what only the line says", () => {
  const { attributes, others } = formTerms(
    "service=a service!=b duration>1s duration<2s tenant.id=5 (x OR y) kind=server duration=3s",
  );
  expect(attributes.map(({ text }) => text)).toEqual(["tenant.id=5"]);
  expect(others.map(({ text }) => text)).toEqual(["service!=b", "(x OR y)", "duration=3s"]);
  expect(fieldTerm("a=1 OR service=b", "service")).toBeUndefined();
});
