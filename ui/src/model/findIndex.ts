/**
 * `uiFind` over a trace that came as columns: each distinct text is tested once, then rows are
 * passed by looking at numbers only.
 *
 * All texts lie one behind the other in one long text, so a word is looked for in all of them at
 * once; a hit that begins in one text and ends in the next is none.
 */

import { parseFind } from "./find";
import { findId, stringReader, type Columns } from "./traceColumns";

/** Keys that Jaeger shows what is no attribute here as. */
const SCOPE_NAME = "otel.scope.name";
const STATUS_MESSAGE = "otel.status_description";
const EVENT = "event";

export interface FindIndex {
  /** The rows that match, ascending. */
  find(text: string): Int32Array;
}

/** Reads what finding needs; keeps no part of the answer itself. */
export function findIndex(columns: Columns): FindIndex {
  const texts = joinTexts(columns);
  const rows = copyRows(columns);
  return { find: (text) => findIn(texts, rows, text) };
}

interface Texts {
  /** All texts in lower case. */
  readonly joined: string;
  /** Where each begins, and where the last ends. */
  readonly offsets: Uint32Array;
}

function joinTexts(columns: Columns): Texts {
  const bytes = columns.u8("string_bytes");
  const offsets = columns.u32("string_offsets");
  const whole = new TextDecoder().decode(bytes).toLowerCase();
  // Bytes are characters where all are ASCII; elsewhere each text is measured by itself.
  if (whole.length === bytes.length) return { joined: whole, offsets: offsets.slice() };
  const text = stringReader(columns);
  const parts = Array.from({ length: offsets.length - 1 }, (_, id) => text(id).toLowerCase());
  const measured = new Uint32Array(parts.length + 1);
  parts.forEach((part, id) => (measured[id + 1] = (measured[id] as number) + part.length));
  return { joined: parts.join(""), offsets: measured };
}

/** Attributes by owner, as numbers of texts. */
interface Pairs {
  readonly begin: Uint32Array;
  readonly key: Uint32Array;
  readonly value: Uint32Array;
}

function copyRows(columns: Columns) {
  const u32 = (name: string) => columns.u32(name).slice();
  const pairs = (list: string): Pairs => ({
    begin: u32(`${list}_begin`),
    key: u32(`${list}_key`),
    value: u32(`${list}_value`),
  });
  return {
    spanId: columns.u8("span_id").slice(),
    name: u32("name"),
    service: u32("service"),
    statusMessage: u32("status_message"),
    resource: u32("resource"),
    scope: u32("scope"),
    scopeName: u32("scope_name"),
    eventBegin: u32("event_begin"),
    eventName: u32("event_name"),
    ofSpan: pairs("attribute"),
    ofResource: pairs("resource_attribute"),
    ofScope: pairs("scope_attribute"),
    ofEvent: pairs("event_attribute"),
  };
}

type Rows = ReturnType<typeof copyRows>;

function findIn(texts: Texts, rows: Rows, text: string): Int32Array {
  const { words, without } = parseFind(text);
  const count = rows.name.length;
  if (!words.length) return new Int32Array(0);
  const tests = testsOf(texts, words, without);
  const { hit, attributeHit } = tests;
  const hitRow = new Uint8Array(count);
  const hitResource = hitOwners(rows.ofResource, attributeHit);
  const hitScope = hitOwners(rows.ofScope, attributeHit);
  const plain = (key: string) =>
    without.some((word) => key.includes(word))
      ? () => false
      : (id: number) => hit[id] === 1 || words.some((word) => isPair(texts, word, key, id));
  const [scopeName, statusMessage, eventName] = [SCOPE_NAME, STATUS_MESSAGE, EVENT].map(plain);
  rows.scopeName.forEach((id, scope) => {
    if (id && scopeName!(id)) hitScope[scope] = 1;
  });
  for (const word of words) {
    const row = findId(rows.spanId, word);
    if (row >= 0) hitRow[row] = 1;
  }
  const { ofSpan, ofEvent } = rows;
  for (let row = 0; row < count; row++) {
    if (hitRow[row]) continue;
    const message = rows.statusMessage[row] as number;
    const isHit =
      hit[rows.name[row] as number] === 1 ||
      hit[rows.service[row] as number] === 1 ||
      hitResource[rows.resource[row] as number] === 1 ||
      hitScope[rows.scope[row] as number] === 1 ||
      (message > 0 && statusMessage!(message)) ||
      hasHit(ofSpan, row, attributeHit) ||
      hasEventHit(rows, ofEvent, row, attributeHit, eventName!);
    if (isHit) hitRow[row] = 1;
  }
  return placesOf(hitRow);
}

function hasEventHit(
  rows: Rows,
  pairs: Pairs,
  row: number,
  attributeHit: PairTest,
  eventName: (id: number) => boolean,
): boolean {
  const end = rows.eventBegin[row + 1] as number;
  for (let event = rows.eventBegin[row] as number; event < end; event++) {
    if (eventName(rows.eventName[event] as number) || hasHit(pairs, event, attributeHit)) {
      return true;
    }
  }
  return false;
}

type PairTest = (key: number, value: number) => boolean;

function hasHit(pairs: Pairs, owner: number, test: PairTest): boolean {
  const end = pairs.begin[owner + 1] as number;
  for (let place = pairs.begin[owner] as number; place < end; place++) {
    if (test(pairs.key[place] as number, pairs.value[place] as number)) return true;
  }
  return false;
}

function hitOwners(pairs: Pairs, test: PairTest): Uint8Array {
  const hits = new Uint8Array(Math.max(0, pairs.begin.length - 1));
  for (let owner = 0; owner < hits.length; owner++) {
    if (hasHit(pairs, owner, test)) hits[owner] = 1;
  }
  return hits;
}

/** Which texts contain a word, and the test of attributes made of that. */
function testsOf(
  texts: Texts,
  words: readonly string[],
  without: readonly string[],
): { hit: Uint8Array; attributeHit: PairTest } {
  const hit = containing(texts, words);
  const left = containing(texts, without);
  const pairs = words
    .flatMap(splits)
    .map(([key, value]) => ({ key: ending(texts, key), value: beginning(texts, value) }));
  const attributeHit: PairTest = (key, value) => {
    if (left[key]) return false;
    if (hit[key] || hit[value]) return true;
    for (const pair of pairs) if (pair.key[key] && pair.value[value]) return true;
    return false;
  };
  return { hit, attributeHit };
}

/** The ways to read a word as the end of a key and the beginning of a value. */
function splits(word: string): [string, string][] {
  return [...word.matchAll(/=/g)].map(({ index }) => [word.slice(0, index), word.slice(index + 1)]);
}

function isPair(texts: Texts, word: string, key: string, value: number): boolean {
  const { joined, offsets } = texts;
  return splits(word).some(
    ([end, begin]) =>
      key.endsWith(end) && joined.slice(offsets[value], offsets[value + 1]).startsWith(begin),
  );
}

function containing({ joined, offsets }: Texts, words: readonly string[]): Uint8Array {
  const found = new Uint8Array(offsets.length - 1);
  for (const word of words) {
    let id = 0;
    let place = joined.indexOf(word);
    while (place >= 0) {
      while ((offsets[id + 1] as number) <= place) id++;
      const end = offsets[id + 1] as number;
      const within = place + word.length <= end;
      if (within) found[id] = 1;
      place = joined.indexOf(word, within ? end : place + 1);
    }
  }
  return found;
}

function ending({ joined, offsets }: Texts, part: string): Uint8Array {
  const found = new Uint8Array(offsets.length - 1);
  for (let id = 0; id < found.length; id++) {
    const begin = (offsets[id + 1] as number) - part.length;
    if (begin >= (offsets[id] as number) && joined.startsWith(part, begin)) found[id] = 1;
  }
  return found;
}

function beginning({ joined, offsets }: Texts, part: string): Uint8Array {
  const found = new Uint8Array(offsets.length - 1);
  for (let id = 0; id < found.length; id++) {
    const begin = offsets[id] as number;
    const fits = begin + part.length <= (offsets[id + 1] as number);
    if (fits && joined.startsWith(part, begin)) found[id] = 1;
  }
  return found;
}

function placesOf(hits: Uint8Array): Int32Array {
  const places = new Int32Array(hits.reduce((sum, hit) => sum + hit, 0));
  let length = 0;
  hits.forEach((hit, place) => {
    if (hit) places[length++] = place;
  });
  return places;
}
