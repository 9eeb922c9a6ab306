import { describe, expect, it } from "vitest";
import { placeOfMistake } from "@/model/jsonPlace";

describe("placeOfMistake", () => {
  it.each([
    ['{"a":,}', 1, 6, false],
    ['{"a":1,}', 1, 8, false],
    ["[1,\n 2 3]", 2, 4, false],
    ['[\n"a\\"b", tru]', 2, 9, false],
    ["{'a':1}", 1, 2, false],
    ["[1]]", 1, 4, false],
    ["[1}", 1, 3, false],
    ["[01]", 1, 2, false],
    ["<html>", 1, 1, false],
    ['{"a":[{}', 1, 9, true],
    ['{"a":"b', 1, 8, true],
    ['{"a" \n', 2, 1, true],
  ])("%j: line %i, column %i", (text, line, column, atEnd) => {
    expect(() => JSON.parse(text) as unknown).toThrow();
    expect(placeOfMistake(text)).toEqual({ line, column, atEnd });
  });
});
