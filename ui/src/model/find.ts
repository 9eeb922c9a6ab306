/**
 * Jaeger's `uiFind`: words apart by spaces, one of which must occur; `"…"` is a phrase; `key=value`
 * one attribute; `-word` leaves out attributes whose key contains it.
 */

export interface Searched {
  readonly spanId: string;
  readonly name: string;
  readonly service: string;
  /** Attributes of span, resource and events, as texts. */
  readonly attributes: Iterable<readonly [key: string, value: string]>;
}

export interface Find {
  readonly words: readonly string[];
  readonly without: readonly string[];
}

export function parseFind(text: string): Find {
  const words: string[] = [];
  const without: string[] = [];
  for (const match of text.matchAll(/(-?)"([^"]*)"?|(\S+)/g)) {
    const [, minus, phrase, word] = match;
    if (phrase !== undefined) {
      if (phrase) (minus ? without : words).push(phrase.toLowerCase());
    } else if (word?.startsWith("-") && word.length > 1) {
      without.push(word.slice(1).toLowerCase());
    } else if (word) {
      words.push(word.toLowerCase());
    }
  }
  return { words, without };
}

export function matches(find: Find, span: Searched): boolean {
  if (!find.words.length) return false;
  const name = span.name.toLowerCase();
  const service = span.service.toLowerCase();
  const id = span.spanId.toLowerCase();
  if (find.words.some((word) => name.includes(word) || service.includes(word) || id === word)) {
    return true;
  }
  for (const [key, value] of span.attributes) {
    const lowerKey = key.toLowerCase();
    if (find.without.some((word) => lowerKey.includes(word))) continue;
    const lowerValue = value.toLowerCase();
    const hit = find.words.some(
      (word) =>
        lowerKey.includes(word) ||
        lowerValue.includes(word) ||
        `${lowerKey}=${lowerValue}` === word,
    );
    if (hit) return true;
  }
  return false;
}
