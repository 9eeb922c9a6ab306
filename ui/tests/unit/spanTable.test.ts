import { describe, expect, it } from "vitest";
import { readJaegerTraces } from "@/model/jaegerFile";
import { traceOfJaeger } from "@/model/jaegerTrace";
import {
  attributeColumn,
  attributeKeys,
  fieldColumns,
  filterSpans,
  sortSpans,
  spansToCsv,
} from "@/model/spanTable";

const tag = (key: string, value: unknown) => ({ key, value });
const trace = traceOfJaeger(
  readJaegerTraces({
    traceID: "abc",
    processes: {
      p1: { serviceName: "web", tags: [tag("host.name", "one")] },
      p2: { serviceName: "db" },
    },
    spans: [
      ["1", "GET /", "p1", 0, 900, [tag("size", 9), tag("note", '=1+1,"x"\ny')]],
      ["2", "SELECT", "p2", 100, 50, [tag("size", 10)]],
      ["3", "SELECT", "p2", 200, 40, [tag("size", "large")]],
      ["4", "render", "p1", 300, 60, []],
    ].map(([spanID, operationName, processID, startTime, duration, tags]) => ({
      ...{ spanID, operationName, processID, startTime, duration, tags },
    })),
  })[0]!,
);
const rows = [0, 1, 2, 3];
const columns = fieldColumns(trace);
const column = (key: string) => columns.find((one) => one.key === key)!;

describe("sortSpans", () => {
  it("orders by numbers and by texts, alike rows in the order of the tree", () => {
    expect(sortSpans(rows, column("duration"), true)).toEqual([0, 3, 1, 2]);
    expect(sortSpans(rows, column("operation"), false)).toEqual([0, 1, 2, 3]);
    expect(sortSpans(rows, column("service"), false)).toEqual([1, 2, 0, 3]);
  });

  it("orders numbers of attributes as numbers, and keeps rows without one last", () => {
    const size = attributeColumn(trace, "size");
    expect(sortSpans(rows, size, false)).toEqual([0, 1, 2, 3]);
    expect(sortSpans(rows, size, true)).toEqual([1, 0, 2, 3]);
  });
});

describe("filterSpans", () => {
  it("wants every word in some text of the row", () => {
    expect(filterSpans(rows, columns, " ")).toEqual(rows);
    expect(filterSpans(rows, columns, "DB sel")).toEqual([1, 2]);
    expect(filterSpans(rows, columns, "large")).toEqual([]);
    expect(filterSpans(rows, [...columns, attributeColumn(trace, "size")], "large")).toEqual([2]);
  });
});

describe("attributeKeys", () => {
  it("has those of spans, the most frequent first, and those of resources", () => {
    expect(attributeKeys(trace)).toEqual(["size", "note", "host.name"]);
    expect(attributeColumn(trace, "host.name").value(3)).toBe("one");
  });
});

describe("spansToCsv", () => {
  it("quotes what must be, and lets no text run as a formula", () => {
    const csv = spansToCsv(
      trace,
      [0, 3],
      [column("operation"), column("start"), attributeColumn(trace, "note")],
    );
    expect(csv).toBe(
      "span_id,parent_span_id,operation,start_offset_nanos,note\r\n" +
        '0000000000000001,,GET /,0,"\'=1+1,""x""\ny"\r\n' +
        "0000000000000004,,render,300000,\r\n",
    );
  });
});
