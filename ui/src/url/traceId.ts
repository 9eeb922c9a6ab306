/** Trace ids as people paste them. */

/**
 * The id in lower case, or null where the text is none: up to 32 hexadecimal digits, of which at
 * least eight must be there so that a word such as `cafe` is not taken for one.
 */
export function readTraceId(text: string): string | null {
  const trimmed = text.trim().replace(/^0x/i, "").replaceAll("-", "");
  return /^[0-9a-f]{8,32}$/i.test(trimmed) ? trimmed.toLowerCase() : null;
}
