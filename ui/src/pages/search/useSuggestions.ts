/** What is suggested where the caret stands in the search line; names and values come from the data. */

import { type Answers } from "@/api/client";
import { formatCount } from "@/model/format";
import {
  fixedValues,
  operatorsFor,
  serviceBeside,
  type LineContext,
} from "@/model/lineSuggestions";
import { writeLiteral, writeName } from "@/model/searchLine";
import { readTraceId } from "@/url/traceId";
import { countedAmong, useNames, useValues } from "./useNames";

export interface LineSuggestion {
  readonly label: string;
  readonly note: string;
  /** What is put into the line. */
  readonly text: string;
}

/** Suggestions for a place in the line, among spans of the window. */
export function useLineSuggestions(
  line: string,
  context: LineContext | null,
  window: { readonly start: string; readonly end: string },
): {
  readonly suggestions: readonly LineSuggestion[];
  readonly loading: boolean;
  /** What holds for all of them. */
  readonly foot?: string;
} {
  const service = serviceBeside(line, context);
  const text = context?.typed ?? "";
  const key = context?.expects === "value" ? context.name : "";
  const fixed = fixedValues(key);
  const wantsName = context?.expects === "name" && !readTraceId(text);
  const names = useNames(text, service, wantsName);
  const values = useValues({ key: fixed ? "" : key, text, service, window });
  if (wantsName) return { suggestions: nameSuggestions(text, names.found), loading: names.loading };
  if (context?.expects === "operator") {
    return { suggestions: operatorSuggestions(context.name), loading: false };
  }
  if (fixed) {
    const known = fixed.filter((value) => value.startsWith(text.toLowerCase()));
    return { suggestions: known.map((value) => valueSuggestion(value, "")), loading: false };
  }
  if (!key) return { suggestions: [], loading: false };
  const suggestions = values.found.map(({ value, spans }) =>
    valueSuggestion(value, `${formatCount(spans)} spans`),
  );
  const foot = countedAmong(key === "service" ? "" : service);
  return { suggestions, loading: values.loading, foot };
}

function nameSuggestions(
  typed: string,
  found: readonly Answers["AttributeKey"][],
): readonly LineSuggestion[] {
  // The name is complete: what can stand behind it.
  const whole = found.find(({ key }) => key === typed);
  const operators = whole
    ? operatorsFor(typed).map((operator) => ({
        label: operator === "exists" ? typed : `${typed}${operator}`,
        note: NOTES[operator] ?? "",
        text: writeName(typed) + (operator === "exists" ? " " : operator),
      }))
    : [];
  const levels = new Map<string, string[]>();
  for (const { key, level } of found) levels.set(key, [...(levels.get(key) ?? []), level]);
  const names = [...levels]
    .filter(([key]) => key !== typed)
    .map(([key, told]) => ({ label: key, note: told.join(", "), text: writeName(key) }));
  const error =
    typed && "error".startsWith(typed.toLowerCase())
      ? [{ label: "error", note: "spans whose status is error", text: "error " }]
      : [];
  return [...error, ...operators, ...names];
}

const NOTES: Readonly<Record<string, string>> = {
  "=": "is",
  "!=": "is not, or is not there",
  exists: "is there",
  ">": "is more than",
  ">=": "is at least",
  "<": "is less than",
  "<=": "is at most",
};

function operatorSuggestions(name: string): readonly LineSuggestion[] {
  return operatorsFor(name).map((operator) => ({
    label: operator,
    note: NOTES[operator] ?? "",
    text: operator === "exists" ? " " : operator,
  }));
}

function valueSuggestion(value: string, note: string): LineSuggestion {
  return { label: value || '""', note, text: `${writeLiteral(value)} ` };
}
