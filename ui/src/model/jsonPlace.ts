/** Where a text stops being JSON: browsers say what is wrong, but not all of them where. */

export interface Place {
  /** Both count from 1. */
  readonly line: number;
  readonly column: number;
  /** Whether all of the text is JSON as far as it goes. */
  readonly atEnd: boolean;
}

/** The place of the first mistake in a text that `JSON.parse` refused. */
export function placeOfMistake(text: string): Place {
  const index = firstMistake(text);
  const before = text.slice(0, index).split("\n");
  return {
    line: before.length,
    column: (before.at(-1)?.length ?? 0) + 1,
    atEnd: index >= text.trimEnd().length,
  };
}

/** What may come next: a value, a key, or what stands behind one. */
type Expected = "value" | "first value" | "key" | "first key" | "colon" | "comma" | "end";

const LITERAL = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|true|false|null/y;

function firstMistake(text: string): number {
  const open: ("{" | "[")[] = [];
  let expected: Expected = "value";
  let index = 0;
  const behindValue = (): Expected => (open.length ? "comma" : "end");
  for (;;) {
    while (" \t\r\n".includes(text[index] ?? "x")) index++;
    const character = text[index];
    if (character === undefined || expected === "end") return index;
    const inside = open.at(-1);
    if (expected === "colon") {
      if (character !== ":") return index;
      expected = "value";
      index++;
    } else if (closes(character, inside, expected)) {
      open.pop();
      expected = behindValue();
      index++;
    } else if (expected === "comma") {
      if (character !== ",") return index;
      expected = inside === "{" ? "key" : "value";
      index++;
    } else if (character === '"') {
      const end = endOfString(text, index);
      if (end < 0) return text.length;
      expected = expected.endsWith("key") ? "colon" : behindValue();
      index = end;
    } else if (expected.endsWith("key")) {
      return index;
    } else if (character === "{" || character === "[") {
      open.push(character);
      expected = character === "{" ? "first key" : "first value";
      index++;
    } else {
      LITERAL.lastIndex = index;
      if (!LITERAL.test(text)) return index;
      expected = behindValue();
      index = LITERAL.lastIndex;
    }
  }
}

function closes(character: string, inside: string | undefined, expected: Expected): boolean {
  if (expected !== "comma" && !expected.startsWith("first")) return false;
  return (character === "}" && inside === "{") || (character === "]" && inside === "[");
}

/** The index behind the closing quote; -1 where there is none. */
function endOfString(text: string, begin: number): number {
  for (let index = begin + 1; index < text.length; index++) {
    if (text[index] === "\\") index++;
    else if (text[index] === '"') return index + 1;
  }
  return -1;
}
