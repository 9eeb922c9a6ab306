/**
 * Attribute values: whatever a program hands over becomes something OTLP can carry.
 *
 * OTLP knows text, truth values, numbers and lists of one of these. `coerce` turns every other
 * value into one of them by the rules below, the same as those of the Python package, and drops
 * nothing silently:
 *
 * | value                                   | becomes                                          |
 * |-----------------------------------------|--------------------------------------------------|
 * | string, boolean, number                 | itself                                           |
 * | null, undefined                         | nothing: an attribute without a value is no value |
 * | bigint, symbol                          | its text                                         |
 * | Date                                    | ISO 8601 in UTC                                  |
 * | Buffer, Uint8Array, ArrayBuffer         | text where it is UTF-8, else base64              |
 * | array, Set of one kind                  | a list of that kind (sets sorted)                |
 * | the same, mixed, nested or with null    | a list of texts, or JSON where it nests          |
 * | plain object, Map, class instance       | JSON of at most 4,096 characters                 |
 * | an object that says how (`toJSON`, an own `toString`: URL, Decimal, UUID) | that text      |
 * | Error                                   | `Type: message`                                  |
 * | function                                | `<function name>`                                |
 */
import type { AttributeValue, Attributes } from "@opentelemetry/api";

const MAX_CHARACTERS = 4096;
const MAX_DEPTH = 8;
const CUT = "…";

type Scalar = string | boolean | number;

/**
 * The attributes with every value made carriable by the rules above; null and undefined left out.
 * Never throws: a value whose conversion fails becomes a text that says so.
 *
 * @example coerce({ "bom.id": 7n, part: { mpn: "R1" } }) // { "bom.id": "7", part: '{"mpn": "R1"}' }
 */
export function coerce(
  attributes: Readonly<Record<string, unknown>> | undefined | null,
): Attributes {
  const coerced: Attributes = {};
  if (attributes === undefined || attributes === null) return coerced;
  for (const key of Object.keys(attributes)) {
    const value = attributes[key];
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
      coerced[key] = value;
    } else if (value !== null && value !== undefined) {
      coerced[key] = coerceValue(value);
    }
  }
  return coerced;
}

/** One value by the rules above, neither null nor undefined. */
function coerceValue(value: unknown): AttributeValue {
  try {
    return convert(value);
  } catch (error) {
    const reason = error instanceof Error ? error.name : typeof error;
    return `<${typeName(value)}: could not be shown: ${reason}>`;
  }
}

function convert(value: unknown): AttributeValue {
  const scalar = toScalar(value);
  if (scalar !== undefined) return scalar;
  if (Array.isArray(value)) return toList(value);
  if (value instanceof Set) return toList([...value].sort(compare));
  if (ArrayBuffer.isView(value)) return toList([...(value as unknown as Iterable<unknown>)]);
  return cut(toJson(value, 0));
}

/** The value where the rules give one text or number for it. */
function toScalar(value: unknown): Scalar | undefined {
  switch (typeof value) {
    case "string":
    case "boolean":
    case "number":
      return value;
    case "bigint":
      return value.toString();
    case "symbol":
      return value.description ?? "";
    case "function":
      return `<function ${value.name || "anonymous"}>`;
    case "undefined":
      return undefined;
  }
  if (value === null) return undefined;
  if (value instanceof Date) return isoDate(value);
  if (value instanceof Uint8Array) return fromBytes(value);
  if (value instanceof ArrayBuffer) return fromBytes(new Uint8Array(value));
  if (value instanceof Error) return cut(`${value.name}: ${value.message}`);
  if (value instanceof String || value instanceof Number || value instanceof Boolean) {
    return value.valueOf();
  }
  return ownText(value as object);
}

/** What an object says of itself in one text: `toJSON` if that gives text, or a `toString` of its own. */
function ownText(value: object): string | undefined {
  if (Array.isArray(value) || value instanceof Map || value instanceof Set) return undefined;
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === "function") {
    const json: unknown = toJSON.call(value);
    return typeof json === "string" ? cut(json) : undefined;
  }
  const { toString } = value as { toString?: unknown };
  if (ArrayBuffer.isView(value) || typeof toString !== "function") return undefined;
  return toString === Object.prototype.toString ? undefined : cut(String(value));
}

/** ISO 8601 with the offset spelled out and no idle fraction, as Python writes it. */
function isoDate(date: Date): string {
  if (Number.isNaN(date.getTime())) return "Invalid Date";
  const [seconds, millis] = date.toISOString().slice(0, -1).split(".");
  return `${seconds}${millis === "000" ? "" : `.${millis}000`}+00:00`;
}

function fromBytes(bytes: Uint8Array): string {
  try {
    return cut(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return cut(Buffer.from(bytes.subarray(0, MAX_CHARACTERS)).toString("base64"));
  }
}

/** A list of one kind where that is possible. */
function toList(values: readonly unknown[]): AttributeValue {
  const items = values.map(toScalar);
  const nests = items.some((item, index) => item === undefined && values[index] != null);
  if (nests) return cut(toJson(values, 0));
  const kinds = new Set(items.map((item) => typeof item));
  if (kinds.size <= 1 && !kinds.has("undefined")) return items as string[];
  return items.map((item) => (item === undefined ? "" : cut(String(item))));
}

/** JSON with the blanks Python's has, so that both packages give the same text. */
function toJson(value: unknown, depth: number): string {
  if (depth > MAX_DEPTH) return JSON.stringify(CUT);
  if (value === null || value === undefined) return "null";
  const scalar = toScalar(value);
  if (typeof scalar === "number") return String(scalar);
  if (scalar !== undefined) return JSON.stringify(scalar);
  const items: unknown = value instanceof Set ? [...value].sort(compare) : value;
  if (Array.isArray(items)) {
    return `[${Array.from(items, (item) => toJson(item, depth + 1)).join(", ")}]`;
  }
  const { toJSON } = value as { toJSON?: () => unknown };
  if (typeof toJSON === "function") return toJson(toJSON.call(value), depth + 1);
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  const shown = entries
    .filter(([, item]) => item !== undefined)
    .map(([key, item]) => `${JSON.stringify(String(key))}: ${toJson(item, depth + 1)}`);
  return `{${shown.join(", ")}}`;
}

function compare(left: unknown, right: unknown): number {
  if (typeof left === "number" && typeof right === "number") return left - right;
  const [first, second] = [String(left), String(right)];
  return first < second ? -1 : first > second ? 1 : 0;
}

function typeName(value: unknown): string {
  return (value as { constructor?: { name?: string } } | null)?.constructor?.name ?? typeof value;
}

function cut(text: string): string {
  return text.length <= MAX_CHARACTERS ? text : text.slice(0, MAX_CHARACTERS - 1) + CUT;
}
