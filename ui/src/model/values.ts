/**
 * What a value of an attribute is, by its looks, and how it is laid out to be read. What is copied
 * is always the value itself.
 */

import { fieldOf } from "./searchLine";
import type { Attribute } from "./traceData";

export type ValueKind = "text" | "json" | "sql" | "stack" | "url" | "traceId" | "spanId";

export function valueKind({ key, value, type }: Attribute): ValueKind {
  if (type === "array" || type === "map") return "json";
  if (type !== "string") return "text";
  if (/^https?:\/\/\S+$/i.test(value)) return "url";
  if (/^[0-9a-f]{32}$/i.test(value) && /trace/i.test(key)) return "traceId";
  if (/^[0-9a-f]{16}$/i.test(value) && /span/i.test(key)) return "spanId";
  if (/stack_?trace$/i.test(key)) return "stack";
  if (/^\s*[[{]/.test(value) && isJson(value)) return "json";
  if (/(statement|query\.text|sql)$/i.test(key) && SQL_BEGIN.test(value)) return "sql";
  return "text";
}

/** The value in lines, where its kind has a layout. */
export function layOut(value: string, kind: ValueKind): string {
  if (kind === "json") return formatJson(value);
  if (kind === "sql") return formatSql(value);
  return value;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** JSON with a line for each element. Numbers and texts stay as they are written. */
export function formatJson(text: string): string {
  if (!isJson(text)) return text;
  let level = 0;
  const parts: string[] = [];
  const newLine = () => parts.push("\n", "  ".repeat(level));
  const tokens = text.match(/"(?:\\.|[^"\\])*"|[[\]{},:]|[^\s[\]{},:"]+/g) ?? [];
  tokens.forEach((token, index) => {
    const next = tokens[index + 1];
    if (token === "{" || token === "[") {
      parts.push(token);
      if (next === "}" || next === "]") return;
      level++;
      newLine();
    } else if (token === "}" || token === "]") {
      const before = tokens[index - 1];
      if (before !== "{" && before !== "[") {
        level--;
        newLine();
      }
      parts.push(token);
    } else if (token === ",") {
      parts.push(token);
      newLine();
    } else {
      parts.push(token === ":" ? ": " : token);
    }
  });
  return parts.join("");
}

const SQL_BEGIN = /^\s*(select|insert|update|delete|with|create|alter|drop|merge)\b/i;
const SQL_CLAUSES =
  /\b(from|(?:left |right |inner |full |cross )?(?:outer )?join|where|group by|order by|having|limit|offset|union(?: all)?|values|set|returning|on conflict)\b/gi;

/** SQL with a line for each clause; what is quoted stays together. */
export function formatSql(text: string): string {
  if (text.includes("\n")) return text;
  return text
    .split(/('(?:''|[^'])*'|"[^"]*")/)
    .map((part, index) => (index % 2 ? part : part.replace(SQL_CLAUSES, "\n$&")))
    .join("")
    .replace(/[ \t]+\n/g, "\n")
    .trim();
}

/** Where a search looks; `any` for attributes of events and links, which have no prefix. */
export type SearchedLevel = "span" | "resource" | "scope" | "any";

const SEARCHABLE_KEY = /^[^\s()"=!<>]+$/;
const LONGEST_SEARCHED = 300;
/** Keys that mean something else where no prefix stands before them. */
const READ_OTHERWISE = /^([-!]|(span|resource|scope)\.|(AND|OR|NOT)$)/i;

/** The search for spans with this value, in the query language; null where it can't be written. */
export function searchFor(
  { key, value }: Pick<Attribute, "key" | "value">,
  level: SearchedLevel,
): string | null {
  if (!SEARCHABLE_KEY.test(key) || value.length > LONGEST_SEARCHED) return null;
  if (level === "any" && (fieldOf(key) || READ_OTHERWISE.test(key))) return null;
  const escaped = value.replaceAll("\\", "\\\\").replaceAll('"', '\\"');
  return `${level === "any" ? "" : `${level}.`}${key}="${escaped}"`;
}
