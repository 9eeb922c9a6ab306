/**
 * A colour for each service, the same on every page and for everybody.
 *
 * Eight pairs that stay apart for colour-blind people and stand out from the background. The place
 * of a service comes from its name; where that is taken by another of all the services there are,
 * the next free one is. Where all eight are taken colours come again, striped.
 */

export interface ServiceColor {
  /** Index into `LIGHT` and `DARK`. */
  readonly slot: number;
  readonly striped: boolean;
  /** Two letters that tell services apart without colour. */
  readonly badge: string;
}

export const LIGHT = [
  "#6d34f4",
  "#882e07",
  "#09a586",
  "#22494f",
  "#c27e0a",
  "#531e8f",
  "#347954",
  "#b97ec8",
] as const;
export const DARK = [
  "#ac8bf9",
  "#c7430a",
  "#0ce9bc",
  "#347079",
  "#f4a825",
  "#8742d7",
  "#49ab77",
  "#dec2e5",
] as const;

/**
 * Colours for the services of a trace, those of `all` services; where two of the trace would share
 * one there, another takes one that is free in the trace.
 */
export function serviceColors(
  services: readonly string[],
  all: readonly string[] = [],
): Map<string, ServiceColor> {
  const known = listColors(services, all);
  const places = settle(services, (name) => placeOf(known.get(name)!));
  const badges = new Set<string>();
  const colors = new Map<string, ServiceColor>();
  for (const [name, place] of places) {
    const usual = known.get(name)!.badge;
    const badge = badges.has(usual) ? badgeOf(name, badges) : usual;
    badges.add(badge);
    colors.set(name, colorAt(place, badge));
  }
  return colors;
}

/**
 * Colours for lists, which stay the same whatever else is listed. Of more services than there are
 * places some share one; their names tell them apart.
 */
export function listColors(
  services: readonly string[],
  all: readonly string[] = [],
): Map<string, ServiceColor> {
  const places = settle([...services, ...all], (name) => hash(name) % LIGHT.length);
  const badges = new Set<string>();
  const colors = new Map<string, ServiceColor>();
  for (const [name, place] of places) {
    const badge = badgeOf(name, badges);
    badges.add(badge);
    colors.set(name, colorAt(place, badge));
  }
  return colors;
}

/** The plain colours, then the striped ones. */
const PLACES = 2 * LIGHT.length;

function placeOf({ slot, striped }: ServiceColor): number {
  return slot + (striped ? LIGHT.length : 0);
}

function colorAt(place: number, badge: string): ServiceColor {
  return { slot: place % LIGHT.length, striped: place >= LIGHT.length, badge };
}

/**
 * A place for each name, in the order of names: its own for the first that has it, so that a new
 * service displaces few; then the next free one for each of the others, as long as there are any.
 */
function settle(names: readonly string[], own: (name: string) => number): Map<string, number> {
  const sorted = [...new Set(names)].sort();
  const taken = new Map<number, string>();
  for (const name of sorted) if (!taken.has(own(name))) taken.set(own(name), name);
  const places = new Map<string, number>();
  for (const name of sorted) {
    const place = taken.get(own(name)) === name ? own(name) : nextFree(own(name), taken);
    taken.set(place, name);
    places.set(name, place);
  }
  return places;
}

function nextFree(place: number, taken: ReadonlyMap<number, string>): number {
  for (let step = 0; step < PLACES; step++) {
    const slot = (place + step) % LIGHT.length;
    const next = step < LIGHT.length ? slot : slot + LIGHT.length;
    if (!taken.has(next)) return next;
  }
  return place;
}

/** FNV-1a over the UTF-16 units of a text, as an unsigned 32-bit number. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return value >>> 0;
}

function badgeOf(name: string, taken: ReadonlySet<string>): string {
  const words = name.split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  const letters = Array.from(words.join(""));
  const first = letters[0] ?? "?";
  const seconds = [
    words[1] && Array.from(words[1])[0],
    ...letters.slice(1),
    ...Array.from("0123456789"),
  ];
  for (const second of seconds) {
    const badge = (first + (second ?? "")).toUpperCase();
    if (second && !taken.has(badge)) return badge;
  }
  // So many begin alike that some share their letters.
  return (first + (words[1]?.[0] ?? letters[1] ?? "")).toUpperCase();
}
