import { describe, expect, it } from "vitest";
import { readSearch, searchChanges, searchLink, type Search } from "@/url/searchUrl";

const read = (query: string) => readSearch(new URLSearchParams(query));

describe("links of Jaeger", () => {
  it.each([
    ["lookback=2h", ""],
    ["service=cart&operation=GET%20%2Fcart", 'service=cart operation="GET /cart"'],
    ["service=__all_services__&operation=all", ""],
    ["service=cart&operation=__all_operations__&__all_services__=", "service=cart"],
    [
      "tags=%7B%22http.status_code%22%3A%22500%22%2C%22error%22%3A%22true%22%7D",
      "http.status_code=500 error",
    ],
    ["tags=a%3Ab%7Cc.d%3Ae%3Af", "a=b c.d=e:f"],
    ["tag=a%3A1&tag=b%3A2%7Cc%3A3", "a=1 b=2 c=3"],
    ["tag=a%3A1&tags=%7B%22a%22%3A%222%22%7D", "a=2"],
    ["tags=%7B%22path%22%3A%22%2Fv1%2F*%22%2C%22q%22%3A%22a%20b%22%7D", 'path="/v1/*" q="a b"'],
    [
      "tags=%7B%22error%22%3A%22false%22%2C%22span.kind%22%3A%22server%22%7D",
      "-error span.kind=server",
    ],
    ["minDuration=1.2s&maxDuration=500us", "duration>=1.2s duration<=500us"],
    ["q=error&service=cart", "error service=cart"],
    ["q=a%3D1%20OR%20b%3D2&service=cart", "(a=1 OR b=2) service=cart"],
  ])("%s is %s", (query, line) => {
    expect(read(query).line).toBe(line);
  });

  it("keep their range, limit and traces", () => {
    expect(read("lookback=2d&start=1&end=2").range).toEqual({ lookback: "2d" });
    expect(read("lookback=custom&start=1000&end=2000").range).toEqual({
      startMicros: 1000,
      endMicros: 2000,
    });
    expect(read("limit=1500").limit).toBe(1000);
    expect(read("limit=-3").limit).toBe(20);
    expect(read("limit=x").limit).toBe(20);
    expect(read("traceID=a&traceID=b").traceIds).toEqual(["a", "b"]);
  });
});

it("reads back what it wrote", () => {
  const searches: Search[] = [
    {
      line: 'service="a b" (x OR y)',
      range: { startMicros: 5_000_000, endMicros: 6_000_000 },
      limit: 50,
      order: "longest",
      grouped: true,
      traceIds: [],
    },
    {
      line: "",
      range: { lookback: "15m" },
      limit: 20,
      order: "newest",
      grouped: false,
      traceIds: [],
    },
    {
      line: "",
      range: { lookback: "1h" },
      limit: 20,
      order: "spans",
      grouped: false,
      traceIds: ["a", "b"],
    },
  ];
  for (const search of searches) {
    expect(read(searchLink(search).split("?")[1] ?? "")).toEqual(search);
  }
});

it("drops Jaeger's conditions only when the line is changed", () => {
  expect(searchChanges({ order: "errors" })).toEqual({ order: "errors" });
  expect(searchChanges({ line: " error " })).toMatchObject({
    q: "error",
    service: null,
    tags: null,
  });
});
