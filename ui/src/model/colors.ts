/**
 * A colour for each service of a trace, the same for everybody who opens it.
 *
 * Eight pairs that stay apart for colour-blind people and stand out from the background. The place
 * of a service comes from its name; where that is taken, the next free one is, in the order of
 * names. From the ninth service on colours come again, striped.
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

export function serviceColors(services: readonly string[]): Map<string, ServiceColor> {
  const colors = new Map<string, ServiceColor>();
  const badges = new Set<string>();
  const taken = new Set<number>();
  for (const name of [...new Set(services)].sort()) {
    if (taken.size === LIGHT.length) taken.clear();
    let slot = hash(name) % LIGHT.length;
    while (taken.has(slot)) slot = (slot + 1) % LIGHT.length;
    taken.add(slot);
    const badge = badgeOf(name, badges);
    badges.add(badge);
    colors.set(name, { slot, striped: colors.size >= LIGHT.length, badge });
  }
  return colors;
}

/**
 * Colours for lists of whatever services there are: each from its name alone, so that it stays the
 * same when others come and go. Two services may share a colour; their names tell them apart.
 */
export function listColors(services: readonly string[]): Map<string, ServiceColor> {
  const none: ReadonlySet<string> = new Set();
  return new Map(
    services.map((name) => [
      name,
      { slot: hash(name) % LIGHT.length, striped: false, badge: badgeOf(name, none) },
    ]),
  );
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
  return first.toUpperCase();
}
