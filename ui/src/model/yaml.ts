/** Reads the configuration as it is printed: colours its lines, and finds the part of a component. */

export interface Token {
  readonly kind: "plain" | "key" | "text" | "number" | "word" | "comment" | "masked";
  readonly text: string;
}

const MASK = "[REDACTED]";

/**
 * The parts of each line; their texts together are the line. Lines within a block of text (`|`, `>`)
 * are text as a whole.
 */
export function tokenizeYaml(yaml: string): readonly (readonly Token[])[] {
  let blockIndent: number | null = null;
  return yaml
    .replace(/\n$/, "")
    .split("\n")
    .map((line) => {
      const indent = line.length - line.trimStart().length;
      if (blockIndent !== null && (indent > blockIndent || !line.trim())) {
        return [{ kind: "text", text: line } as const];
      }
      blockIndent = /(^|[:\s-]\s)[|>][+-]?\d?\s*$/.test(line) ? indent : null;
      return tokenizeLine(line);
    });
}

function tokenizeLine(line: string): readonly Token[] {
  const [, lead, rest] = /^(\s*(?:- +)*)(.*)$/.exec(line)!;
  const tokens: Token[] = lead ? [{ kind: "plain", text: lead }] : [];
  const key =
    /^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s#:'"[{](?:[^:#]|:(?=\S)|(?<=\S)#)*)(:)(\s+|$)/.exec(
      rest!,
    );
  let value = rest!;
  if (key) {
    tokens.push({ kind: "key", text: key[1]! }, { kind: "plain", text: ":" + key[3]! });
    value = value.slice(key[0].length);
  }
  if (value) tokens.push(...tokenizeValue(value));
  return tokens;
}

function tokenizeValue(value: string): readonly Token[] {
  const comment = /(^|\s)#.*$/.exec(quotedAway(value));
  const end = comment ? comment.index + comment[1]!.length : value.length;
  const text = value.slice(0, end);
  const tokens: Token[] = text ? [{ kind: kindOf(text), text }] : [];
  if (comment) tokens.push({ kind: "comment", text: value.slice(end) });
  return tokens;
}

/** The same length, without what quotes contain. */
function quotedAway(value: string): string {
  return value.replace(/"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'/g, (quoted) => "_".repeat(quoted.length));
}

function kindOf(value: string): Token["kind"] {
  const text = value.trim();
  if (text.includes(MASK)) return "masked";
  if (/^[-+]?(\d[\d_]*(\.\d+)?(e[-+]?\d+)?|\.inf|\.nan)$/i.test(text)) return "number";
  if (/^(true|false|null|~|\{\}|\[\])$/.test(text)) return "word";
  return /^[-|>{}[\],\s]*$/.test(text) ? "plain" : "text";
}

/** The lines of a component within the configuration, unindented; "" where there are none. */
export function partOfConfig(yaml: string, kind: string, id: string): string {
  const lines = yaml.split("\n");
  const section = lines.indexOf(`${kind}:`);
  if (section < 0) return "";
  const names = [id, `'${id}'`, `"${id}"`];
  const begin = lines.findIndex(
    (line, index) => index > section && names.some((name) => line.startsWith(`  ${name}:`)),
  );
  if (begin < 0 || lines.slice(section + 1, begin).some((line) => /^\S/.test(line))) return "";
  const length = lines.slice(begin + 1).findIndex((line) => /^ {0,2}\S/.test(line));
  const end = length < 0 ? lines.length : begin + 1 + length;
  return lines
    .slice(begin, end)
    .map((line) => line.slice(2))
    .join("\n")
    .trimEnd();
}
