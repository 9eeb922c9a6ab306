import { expect, it } from "vitest";
import { formatJson, formatSql, searchFor, valueKind } from "@/model/values";
import type { Attribute } from "@/model/traceData";

const attribute = (key: string, value: string, type: Attribute["type"] = "string") => ({
  key,
  value,
  type,
});

it.each([
  ["url.full", "https://example.com/a?b=c", "url"],
  ["payload", '{"a":1}', "json"],
  ["payload", "{not json", "text"],
  ["db.query.text", "select 1", "sql"],
  ["db.query.text", "GET key", "text"],
  ["exception.stacktrace", "Traceback…", "stack"],
  ["peer.trace_id", "0af7651916cd43dd8448eb211c80319c", "traceId"],
  ["checksum", "0af7651916cd43dd8448eb211c80319c", "text"],
  ["parent.span.id", "b7ad6b7169203331", "spanId"],
])("knows what %s=%s is", (key, value, kind) => {
  expect(valueKind(attribute(key, value))).toBe(kind);
});

it("takes arrays and maps for JSON, and numbers for texts", () => {
  expect(valueKind(attribute("a", "[1]", "array"))).toBe("json");
  expect(valueKind(attribute("a", "[1]", "int"))).toBe("text");
});

it("lays JSON out without changing what it says", () => {
  const text = '{"b":1.10,"a":[1,{"x":"y , {z}\\""}],"big":12345678901234567890,"e":{},"l":[]}';
  const laidOut = formatJson(text);
  expect(laidOut.split("\n")).toEqual([
    "{",
    '  "b": 1.10,',
    '  "a": [',
    "    1,",
    "    {",
    '      "x": "y , {z}\\""',
    "    }",
    "  ],",
    '  "big": 12345678901234567890,',
    '  "e": {},',
    '  "l": []',
    "}",
  ]);
  expect(JSON.parse(laidOut)).toEqual(JSON.parse(text));
  expect(formatJson("{broken")).toBe("{broken");
});

it("lays SQL out by clauses, not within quotes", () => {
  const sql = "select a from t left join u on t.x = u.x where a = 'from x' order by b";
  expect(formatSql(sql).split("\n")).toEqual([
    "select a",
    "from t",
    "left join u on t.x = u.x",
    "where a = 'from x'",
    "order by b",
  ]);
  expect(formatSql("select 1\nfrom t")).toBe("select 1\nfrom t");
});

it("writes a search for a value", () => {
  expect(searchFor(attribute("http.route", "/v1/*"), "span")).toBe('span.http.route="/v1/*"');
  expect(searchFor(attribute("a", 'say "\\"'), "resource")).toBe('resource.a="say \\"\\\\\\""');
  expect(searchFor(attribute("exception.type", "a.Error"), "any")).toBe('exception.type="a.Error"');
  expect(searchFor(attribute("name", "x"), "any")).toBeNull();
  expect(searchFor(attribute("resource.id", "x"), "any")).toBeNull();
  expect(searchFor(attribute("a b", "x"), "span")).toBeNull();
  expect(searchFor(attribute("a", "x".repeat(500)), "span")).toBeNull();
});
