/**
 * Secrets leave a span before it is encoded: attributes, name, events, links, status.
 *
 * What counts as one: the value of an attribute whose name says so (`user.password`), a pair in
 * any text (`token=…`), credentials in a URL, bearer and basic credentials, access keys of AWS,
 * JSON web tokens; and the literals of SQL. It fails closed: a text that cannot be redacted is
 * replaced as a whole.
 */
import type { AttributeValue, Attributes } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";

export const REDACTED = "[REDACTED]";

/** Returns the text that may be sent, for a text found under this attribute key. */
export type Redaction = (text: string, key: string) => string;

const SECRET_WORD =
  "pass(?:word|wd|phrase)|secret|token|authorization|cookie|api[-_]?key|access[-_]?key(?:[-_]?id)?|" +
  "private[-_]?key|secret[-_]?key|credentials?";
/** As Python's: by the end of the name alone. */
const SECRET_KEY = new RegExp(`(?:${SECRET_WORD})$`, "i");
/** Decides at little cost that a text holds nothing of interest. */
const SUSPECT = /@|pass|pwd|secret|token|key|sig|auth|cookie|cred|bearer|basic |AKIA|ASIA|eyJ/i;
const URL_CREDENTIALS = /(\/\/)[^/@\s?#:]{0,255}:[^/@\s?#]{0,255}@/g;
/** What stands before the word is of no matter, and looking for it would take long in long texts. */
const PAIR = new RegExp(
  `(${SECRET_WORD}|pwd|signature|\\bsig)(["']?\\s{0,9}(?:[=:]|%3D)\\s{0,9})(?:(?:bearer|basic)\\s+)?` +
    `(?:(")(?:[^"\\\\]|\\\\.)*(?:"|$)|(')(?:[^'\\\\]|\\\\.)*(?:'|$)|[^\\s&"',;})\\]]+)`,
  "gi",
);
const SCHEME = /\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi;
const AWS_KEY = /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g;
const PRIVATE_KEY =
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g;
const WEB_TOKEN = /\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g;
/** Names in double quotes, which stay; dollar quotes, quoted text, hexadecimal and plain numbers. */
const SQL_NAME_OR_LITERAL =
  /"[^"]*"|\$([a-z_]*)\$[\s\S]*?(?:\$\1\$|$)|[xben]?'(?:[^'\\]|''|\\.)*(?:'|$)|(?<![\w$.:@"])(?:0x[0-9a-f]+|-?\d+(?:\.\d*)?(?:e[+-]?\d+)?)\b/gi;
/** Attributes with SQL, whose literals may be anything. */
export const SQL_KEYS: ReadonlySet<string> = new Set(["db.statement", "db.query.text"]);
/** Values of the instrumentations that come from a fixed vocabulary or an address. */
const SAFE_KEYS = new Set([
  "http.request.method",
  "http.response.status_code",
  "http.route",
  "url.scheme",
  "url.path",
  "server.address",
  "network.peer.address",
  "network.protocol.version",
  "client.address",
  "user_agent.original",
  "db.system",
  "db.system.name",
  "db.namespace",
  "db.operation.name",
  "express.name",
  "express.type",
  "exception.type",
  "error.type",
  "code.function.name",
]);

type Treatment = "safe" | "secret" | "sql" | "text";
const treatments = new Map<string, Treatment>();
const MAX_TREATMENTS = 2000;

/** The text without secrets, by the rules above. */
export const redactText: Redaction = (text, key) => {
  switch (treatmentOf(key)) {
    case "safe":
      return text;
    case "secret":
      return REDACTED;
    case "sql":
      return removeSecrets(removeLiterals(text));
    case "text":
      return removeSecrets(text);
  }
};

function removeLiterals(sql: string): string {
  return sql.replace(SQL_NAME_OR_LITERAL, (found) => (found.startsWith('"') ? found : "?"));
}

function treatmentOf(key: string): Treatment {
  let treatment = treatments.get(key);
  if (treatment === undefined) {
    if (SAFE_KEYS.has(key)) treatment = "safe";
    else if (SQL_KEYS.has(key)) treatment = "sql";
    else treatment = SECRET_KEY.test(key) ? "secret" : "text";
    if (treatments.size < MAX_TREATMENTS) treatments.set(key, treatment);
  }
  return treatment;
}

function removeSecrets(text: string): string {
  if (!SUSPECT.test(text)) return text;
  return text
    .replace(URL_CREDENTIALS, `$1${REDACTED}@`)
    .replace(PAIR, `$1$2$3$4${REDACTED}$3$4`)
    .replace(SCHEME, `$1 ${REDACTED}`)
    .replace(PRIVATE_KEY, REDACTED)
    .replace(AWS_KEY, REDACTED)
    .replace(WEB_TOKEN, REDACTED);
}

/** The default redaction, followed by one of the user's own; fails closed. */
export function composeRedaction(own: Redaction | undefined): Redaction {
  return (text, key) => {
    try {
      const redacted = redactText(text, key);
      const last: unknown = own === undefined ? redacted : own(redacted, key);
      return typeof last === "string" ? last : REDACTED;
    } catch {
      return REDACTED;
    }
  };
}

/** Takes the secrets out of a span that has ended, in place. */
export function redactSpan(span: ReadableSpan, redact: Redaction): void {
  const open = span as { name: string; status: ReadableSpan["status"] };
  open.name = redact(span.name, "name");
  if (span.status.message) {
    open.status = { ...span.status, message: redact(span.status.message, "status.message") };
  }
  redactAttributes(span.attributes, redact);
  for (const event of span.events) {
    event.name = redact(event.name, "event.name");
    if (event.attributes !== undefined) redactAttributes(event.attributes, redact);
  }
  for (const link of span.links) {
    if (link.attributes !== undefined) redactAttributes(link.attributes, redact);
  }
}

function redactAttributes(attributes: Attributes, redact: Redaction): void {
  for (const key in attributes) {
    // Numbers and truth values tell no secrets.
    const value = attributes[key];
    if (typeof value === "string" || Array.isArray(value))
      attributes[key] = redactValue(value, key, redact);
  }
}

function redactValue(value: AttributeValue, key: string, redact: Redaction): AttributeValue {
  if (typeof value === "string") return redact(value, key);
  if (!Array.isArray(value)) return value;
  return value.map((item) =>
    typeof item === "string" ? redact(item, key) : item,
  ) as AttributeValue;
}
