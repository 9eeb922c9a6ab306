/** What can be written where the caret stands in the search line. */

import { fieldOf, fieldTerm, KINDS, matchAt, PATTERNS, STATUSES } from "./searchLine";

interface Place {
  /** The part of the line a suggestion replaces. */
  readonly begin: number;
  readonly end: number;
  /** What of it is written before the caret. */
  readonly typed: string;
  /** Where the comparison begins that it is part of. */
  readonly comparison: number;
}

export type LineContext = Place &
  (
    | { readonly expects: "name" }
    | { readonly expects: "operator"; readonly name: string }
    | { readonly expects: "value"; readonly name: string; readonly operator: string }
  );

const { QUOTED, NAME, VALUE, OPERATOR, WORD, SPACE } = PATTERNS;
const OPEN_QUOTE = /"(?:\\.|[^"\\])*/y;
const PART_OF_OPERATOR = /\s*[!]/y;

/** Reads the line up to the caret; what stands behind it only tells how far a word goes. */
export function contextAt(line: string, caret: number): LineContext {
  let at = 0;
  while (at < line.length) {
    at += matchAt(SPACE, line, at)?.[0].length ?? 0;
    const word = matchAt(WORD, line, at)?.[0].length ?? 0;
    if (word && at + word < caret) {
      at += word;
      continue;
    }
    if (/[-!()]/.test(line[at] ?? "") && at < caret) {
      at += 1;
      continue;
    }
    if (at >= caret) break;
    const { context, end } = inComparison(line, at, caret);
    if (context) return context;
    at = Math.max(end, at + 1);
  }
  const end = caret + (matchAt(NAME, line, caret)?.[0].length ?? 0);
  return { expects: "name", begin: caret, end, typed: "", comparison: caret };
}

/** The context within the comparison that begins at a place, or where it ends before the caret. */
function inComparison(
  line: string,
  begin: number,
  caret: number,
): { context: LineContext | null; end: number } {
  const comparison = begin;
  const nameEnd = endOfText(line, begin, NAME);
  const typedFrom = (from: number) => line.slice(from, caret);
  if (caret <= nameEnd) {
    return {
      context: {
        expects: "name",
        begin,
        end: nameEnd,
        typed: unquoted(typedFrom(begin)),
        comparison,
      },
      end: nameEnd,
    };
  }
  const name = unquoted(line.slice(begin, nameEnd));
  const operator = matchAt(OPERATOR, line, nameEnd);
  if (!operator) {
    const part = matchAt(PART_OF_OPERATOR, line, nameEnd);
    const end = nameEnd + (part?.[0].length ?? 0);
    if (!part || caret > end) return { context: null, end };
    const context = { expects: "operator", name, begin: nameEnd, end, comparison } as const;
    return { context: { ...context, typed: typedFrom(nameEnd).trim() }, end };
  }
  const valueBegin = nameEnd + operator[0].length;
  if (caret < nameEnd + operator[0].trimEnd().length) {
    const end = valueBegin;
    const context = { expects: "operator", name, begin: nameEnd, end, comparison } as const;
    return { context: { ...context, typed: typedFrom(nameEnd).trim() }, end };
  }
  const end = endOfText(line, valueBegin, VALUE);
  if (caret > end) return { context: null, end };
  const from = Math.min(valueBegin, caret);
  const context = {
    expects: "value",
    name,
    operator: operator[1] ?? "=",
    begin: from,
    end,
    comparison,
  } as const;
  return { context: { ...context, typed: unquoted(typedFrom(from)) }, end };
}

/** Where a text ends, quoted or not; a quote that is not closed goes to the end of the line. */
function endOfText(line: string, begin: number, pattern: RegExp): number {
  for (const one of [QUOTED, OPEN_QUOTE, pattern]) {
    const found = matchAt(one, line, begin);
    if (found) return begin + found[0].length;
  }
  return begin;
}

function unquoted(text: string): string {
  return text.startsWith('"') ? text.slice(1).replace(/"$/, "").replace(/\\(.)/g, "$1") : text;
}

/** The service a line asks for, whatever is being written where the caret stands. */
export function serviceBeside(line: string, context: LineContext | null): string {
  const before = context ? line.slice(0, context.comparison).replace(/[-!\s]+$/, "") : line;
  const rest = context ? line.slice(context.end) : "";
  return fieldTerm(`${before} ${rest}`, "service")?.comparison?.value ?? "";
}

/** The line with a suggestion in its place, and where the caret goes. */
export function insertAt(
  line: string,
  { begin, end }: LineContext,
  text: string,
): { line: string; caret: number } {
  // A word that is complete ends with a space; there may be one already.
  const rest = text.endsWith(" ") ? line.slice(end).trimStart() : line.slice(end);
  return { line: line.slice(0, begin) + text + rest, caret: begin + text.length };
}

/** What `operator` may be behind a name; `exists` needs none. */
export function operatorsFor(name: string): readonly string[] {
  const field = fieldOf(name);
  if (field === "duration") return [">=", "<=", ">", "<"];
  if (field) return ["=", "!="];
  if (name === "event") return ["=", "!=", "exists"];
  return ["=", "!=", "exists", ">", ">=", "<", "<="];
}

/** Values known without asking the server; null where it must be asked. */
export function fixedValues(name: string): readonly string[] | null {
  const field = fieldOf(name);
  if (field === "kind") return KINDS;
  if (field === "status") return STATUSES;
  if (field === "duration") return ["10ms", "50ms", "100ms", "250ms", "500ms", "1s", "2s", "5s"];
  return null;
}
