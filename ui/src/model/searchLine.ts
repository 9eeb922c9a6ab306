/**
 * The search line as the form sees it: terms that stand side by side, each with its place in the
 * text, so that one can be changed and everything else stays as it was typed.
 *
 * The server reads and judges the language (`src/ananta/query/language.py`); here it is only taken
 * apart. What can't be taken apart, or is an OR, is one term the form leaves alone.
 */

export const ORDERING = [">", ">=", "<", "<="] as const;
export const OPERATORS = ["=", "!=", ...ORDERING] as const;
export const KINDS = ["server", "client", "producer", "consumer", "internal", "unspecified"];
export const STATUSES = ["error", "ok", "unset"];
export const FIELDS = ["service", "operation", "kind", "status", "duration"] as const;

export type Field = (typeof FIELDS)[number];
export type Operator = (typeof OPERATORS)[number] | "exists" | "missing";

export interface Comparison {
  /** A field under its first name, or the key of an attribute. */
  readonly name: string;
  readonly operator: Operator;
  /** Without its quotes; empty for `exists` and `missing`. */
  readonly value: string;
}

export interface Term {
  readonly text: string;
  readonly begin: number;
  readonly end: number;
  /** Null for what the form has no fields for: groups, ORs, negated orderings, broken text. */
  readonly comparison: Comparison | null;
}

const QUOTED = /"((?:\\.|[^"\\])*)"/y;
const NAME = /[^\s()"=!<>]+/y;
const VALUE = /[^\s()"]+/y;
const OPERATOR = /\s*(!=|<=|>=|=|<|>)\s*/y;
const WORD = /(AND|OR|NOT)(?=[\s()"]|$)/iy;
const SPACE = /\s*/y;
const ALIASES: Readonly<Record<string, Field>> = {
  name: "operation",
  "span.kind": "kind",
  "span.status": "status",
  "otel.status_code": "status",
};

/** The match of a sticky pattern at a place. */
export function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

export const PATTERNS = { QUOTED, NAME, VALUE, OPERATOR, WORD, SPACE };

/** The terms of a line; all of it is one where an OR joins them. */
export function readTerms(line: string): readonly Term[] {
  const terms: Term[] = [];
  let at = skipSpace(line, 0);
  while (at < line.length) {
    const word = matchAt(WORD, line, at)?.[1]?.toUpperCase();
    if (word === "OR") return [wholeLine(line)];
    if (word === "AND") {
      at = skipSpace(line, at + 3);
      continue;
    }
    const found = readTerm(line, at);
    if (!found) return [wholeLine(line)];
    terms.push({ ...found, text: line.slice(at, found.end), begin: at });
    at = skipSpace(line, found.end);
  }
  return terms;
}

function wholeLine(line: string): Term {
  const begin = skipSpace(line, 0);
  const end = line.trimEnd().length;
  return { text: line.slice(begin, end), begin, end, comparison: null };
}

interface Read {
  readonly end: number;
  readonly comparison: Comparison | null;
}

function readTerm(line: string, begin: number): Read | null {
  let at = begin;
  let negations = 0;
  for (;;) {
    at = skipSpace(line, at);
    if (line[at] === "-" || line[at] === "!") at += 1;
    else if (matchAt(WORD, line, at)?.[1]?.toUpperCase() === "NOT") at += 3;
    else break;
    negations += 1;
  }
  if (line[at] === "(") {
    const end = endOfGroup(line, at);
    return end === null ? null : { end, comparison: null };
  }
  const found = readComparison(line, at);
  if (!found) return null;
  if (negations === 0) return found;
  return { ...found, comparison: negations === 1 ? negate(found.comparison) : null };
}

function readComparison(
  line: string,
  begin: number,
): { end: number; comparison: Comparison } | null {
  const name = readText(line, begin, NAME);
  if (!name) return null;
  const operator = matchAt(OPERATOR, line, name.end);
  if (!operator) {
    const alone = /^errors?$/i.test(name.text)
      ? ({ name: "status", operator: "=", value: "error" } as const)
      : ({ name: name.text, operator: "exists", value: "" } as const);
    return { end: name.end, comparison: alone };
  }
  const value = readText(line, name.end + operator[0].length, VALUE);
  if (!value) return null;
  return {
    end: value.end,
    comparison: {
      name: fieldOf(name.text) ?? name.text,
      operator: operator[1] as Operator,
      value: value.text,
    },
  };
}

/** A quoted text, or one that a pattern matches. */
function readText(line: string, at: number, pattern: RegExp): { text: string; end: number } | null {
  const quoted = matchAt(QUOTED, line, at);
  if (quoted) {
    return { text: (quoted[1] ?? "").replace(/\\(.)/g, "$1"), end: at + quoted[0].length };
  }
  const plain = matchAt(pattern, line, at);
  return plain ? { text: plain[0], end: at + plain[0].length } : null;
}

const NEGATED: Partial<Record<Operator, Operator>> = {
  "=": "!=",
  "!=": "=",
  exists: "missing",
  missing: "exists",
};

/** The comparison that holds where this one does not; null where no operator says it. */
function negate(comparison: Comparison): Comparison | null {
  const operator = NEGATED[comparison.operator];
  return operator ? { ...comparison, operator } : null;
}

/** The place behind the parenthesis that closes the one at `begin`. */
function endOfGroup(line: string, begin: number): number | null {
  let depth = 0;
  for (let at = begin; at < line.length; at++) {
    if (line[at] === '"') {
      const quoted = matchAt(QUOTED, line, at);
      if (!quoted) return null;
      at += quoted[0].length - 1;
    } else if (line[at] === "(") depth += 1;
    else if (line[at] === ")" && --depth === 0) return at + 1;
  }
  return null;
}

function skipSpace(line: string, at: number): number {
  return at + (matchAt(SPACE, line, at)?.[0].length ?? 0);
}

/** The field a name stands for, null for keys of attributes. */
export function fieldOf(name: string): Field | null {
  const lower = name.toLowerCase();
  return ALIASES[lower] ?? FIELDS.find((field) => field === lower) ?? null;
}

/** A comparison as text of the line; `*` in its value stays a wildcard where it can. */
export function writeComparison({ name, operator, value }: Comparison): string {
  if (name === "status" && value === "error") {
    if (operator === "=") return "error";
    if (operator === "!=") return "-error";
  }
  const written = writeName(name);
  if (operator === "exists") return written;
  if (operator === "missing") return `-${written}`;
  return written + operator + writeValue(value);
}

export function writeName(name: string): string {
  return /^[^\s()"=!<>-][^\s()"=!<>]*$/.test(name) && !/^(AND|OR|NOT)$/i.test(name)
    ? name
    : quote(name);
}

export function writeValue(value: string): string {
  return /^[^\s()"]+$/.test(value) ? value : quote(value);
}

/** A value that means itself, even where it has a `*`. */
export function writeLiteral(value: string): string {
  return value.includes("*") ? quote(value) : writeValue(value);
}

function quote(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/** The line with one term changed; an empty text takes it away. */
export function replaceTerm(line: string, term: Term, text: string): string {
  const before = line.slice(0, term.begin).trimEnd();
  const after = line.slice(term.end).trimStart();
  return [before, text, after].filter(Boolean).join(" ");
}

/** The line with one more term; what an OR joins is put in parentheses first. */
export function addTerm(line: string, text: string): string {
  const trimmed = line.trim();
  if (!trimmed) return text;
  const [first, ...others] = readTerms(trimmed);
  const whole = first?.text === trimmed && !others.length && !first.comparison;
  const grouped = whole && endOfGroup(trimmed, 0) !== trimmed.length && isReadable(trimmed);
  return `${grouped ? `(${trimmed})` : trimmed} ${text}`;
}

/** Whether parentheses and quotes are closed: what is not is left to the server to judge. */
function isReadable(line: string): boolean {
  return endOfGroup(`(${line})`, 0) === line.length + 2;
}

/** The term that sets a field to one value; the first where there are several. */
export function fieldTerm(line: string, field: Field): Term | undefined {
  return readTerms(line).find(
    ({ comparison }) => comparison?.name === field && comparison.operator === "=",
  );
}

/** The line with a field set to a value, or without it where the value is empty. */
export function withField(line: string, field: Field, value: string): string {
  const text = value ? writeComparison({ name: field, operator: "=", value }) : "";
  return withTerm(line, fieldTerm(line, field), text);
}

export type Bound = "minimum" | "maximum";

const BOUND_OPERATORS: Record<Bound, readonly Operator[]> = {
  minimum: [">", ">="],
  maximum: ["<", "<="],
};

/** The term that bounds the duration. */
export function durationTerm(line: string, bound: Bound): Term | undefined {
  return readTerms(line).find(
    ({ comparison }) =>
      comparison?.name === "duration" && BOUND_OPERATORS[bound].includes(comparison.operator),
  );
}

/** The line with a bound of the duration, or without it where the value is empty. */
export function withDuration(
  line: string,
  bound: Bound,
  value: string,
  operator: Operator = bound === "minimum" ? ">=" : "<=",
): string {
  const text = value ? writeComparison({ name: "duration", operator, value }) : "";
  return withTerm(line, durationTerm(line, bound), text);
}

function withTerm(line: string, term: Term | undefined, text: string): string {
  if (term) return replaceTerm(line, term, text);
  return text ? addTerm(line, text) : line;
}

/** Terms the form's own fields show; the others are attributes, or only the line says them. */
export function formTerms(line: string): {
  readonly attributes: readonly (Term & { readonly comparison: Comparison })[];
  readonly others: readonly Term[];
} {
  const shown = new Set<number>();
  for (const field of FIELDS) {
    const term = field === "duration" ? undefined : fieldTerm(line, field);
    if (term) shown.add(term.begin);
  }
  for (const bound of ["minimum", "maximum"] as const) {
    const term = durationTerm(line, bound);
    if (term) shown.add(term.begin);
  }
  const rest = readTerms(line).filter(({ begin }) => !shown.has(begin));
  const isAttribute = (term: Term): term is Term & { comparison: Comparison } =>
    term.comparison !== null && !fieldOf(term.comparison.name);
  return {
    attributes: rest.filter(isAttribute),
    others: rest.filter((term) => !isAttribute(term)),
  };
}
