/**
 * What the waterfall lists, one item a line: spans, groups of siblings that are alike, and what
 * stands for spans that are not here. Opening, closing and filtering make the list anew, in one
 * pass over the rows.
 */

import { FEWEST_ALIKE, type SiblingGroups } from "./siblings";
import { at, CUT, type Trace } from "./trace";

/** Whether a row is listed: not, only as the ancestor of others, or by itself. */
export const GONE = 0;
export const ANCESTOR = 1;
export const KEPT = 2;

export type ItemKind = "span" | "group" | "more";

const SPAN = 0;
const GROUP = 1;
const MORE = 2;
const KINDS: readonly ItemKind[] = ["span", "group", "more"];

/** One element of each array a line. */
export interface Items {
  readonly length: number;
  readonly kinds: Uint8Array;
  /** The span; the first of a group; the one below which spans are missing. */
  readonly rows: Int32Array;
  /** From 0. */
  readonly levels: Int32Array;
  /** Index of the item this one is below; -1 at the top. */
  readonly parents: Int32Array;
  /** Place among the items below the same parent, from 1. */
  readonly positions: Int32Array;
  /** Number of items below each; the last element is for the top. */
  readonly children: Int32Array;
}

export interface Listing {
  /** 1 for rows whose children are not shown. */
  readonly collapsed: Uint8Array;
  /** Null where siblings are not grouped. */
  readonly groups: SiblingGroups | null;
  /** Groups whose members are shown. */
  readonly openGroups: ReadonlySet<number>;
  /** See `GONE`; null where everything is listed. */
  readonly mask: Uint8Array | null;
}

/** The kind of an item. */
export function kindOf(items: Items, index: number): ItemKind {
  return KINDS[at(items.kinds, index)] ?? "span";
}

/** How many items there are beside this one, itself included. */
export function setSize(items: Items, index: number): number {
  const parent = at(items.parents, index);
  return at(items.children, parent < 0 ? items.length : parent);
}

/** Members of a group that are listed. */
export function listedMembers(
  { groups, mask }: Pick<Listing, "groups" | "mask">,
  group: number,
): Int32Array {
  const members = groups?.members[group] ?? new Int32Array(0);
  return mask ? members.filter((row) => at(mask, row) !== GONE) : members;
}

/** `listedMembers`, which returns the same array each time it is asked for a group. */
export function membersReader(listing: Listing): (group: number) => Int32Array {
  const known = new Map<number, Int32Array>();
  return (group) => {
    const members = known.get(group) ?? listedMembers(listing, group);
    known.set(group, members);
    return members;
  };
}

/** Rows that are still to be listed, all below the same item. */
interface Stretch {
  row: number;
  readonly end: number;
  /** Listed instead of the rows up to `end`: members of an open group. */
  readonly members: Int32Array | null;
  readonly above: number;
  readonly level: number;
  /** Row whose missing descendants are told after these; -1 where none are missing. */
  readonly cut: number;
}

export function listItems(trace: Trace, listing: Listing): Items {
  const { collapsed, mask } = listing;
  const list = new ItemList(capacity(trace, listing));
  const met = new Set<number>();
  const waiting: Stretch[] = [
    { row: 0, end: trace.count, members: null, above: -1, level: 0, cut: -1 },
  ];
  for (let top = waiting.at(-1); top; top = waiting.at(-1)) {
    if (top.row >= top.end) {
      if (top.cut >= 0) list.add(MORE, top.cut, top.level, top.above);
      waiting.pop();
      continue;
    }
    const row = top.members ? at(top.members, top.row) : top.row;
    const after = at(trace.next, row);
    top.row = top.members ? top.row + 1 : after;
    if (mask && at(mask, row) === GONE) continue;
    const level = top.level + 1;
    const group = top.members ? -1 : groupOf(listing, row);
    if (group >= 0) {
      if (met.has(group)) continue;
      met.add(group);
      const above = list.add(GROUP, row, top.level, top.above);
      if (!listing.openGroups.has(group)) continue;
      const members = listedMembers(listing, group);
      waiting.push({ row: 0, end: members.length, members, above, level, cut: -1 });
      continue;
    }
    const above = list.add(SPAN, row, top.level, top.above);
    if (at(collapsed, row)) continue;
    const cut = !mask && at(trace.flags, row) & CUT ? row : -1;
    if (after > row + 1 || cut >= 0) {
      waiting.push({ row: row + 1, end: after, members: null, above, level, cut });
    }
  }
  return list.finish();
}

/** The group a row is listed in; -1 where it is listed by itself. */
function groupOf(listing: Listing, row: number): number {
  const group = listing.groups ? at(listing.groups.of, row) : -1;
  if (group < 0 || !listing.mask) return group;
  return listedMembers(listing, group).length < FEWEST_ALIKE ? -1 : group;
}

function capacity(trace: Trace, { groups }: Listing): number {
  let items = trace.count + (groups?.members.length ?? 0);
  for (const flags of trace.flags) if (flags & CUT) items++;
  return items;
}

class ItemList {
  private length = 0;
  private readonly kinds: Uint8Array;
  private readonly rows: Int32Array;
  private readonly levels: Int32Array;
  private readonly parents: Int32Array;
  private readonly positions: Int32Array;
  private readonly children: Int32Array;
  private top = 0;

  constructor(capacity: number) {
    this.kinds = new Uint8Array(capacity);
    this.rows = new Int32Array(capacity);
    this.levels = new Int32Array(capacity);
    this.parents = new Int32Array(capacity);
    this.positions = new Int32Array(capacity);
    this.children = new Int32Array(capacity + 1);
  }

  add(kind: number, row: number, level: number, parent: number): number {
    const item = this.length++;
    this.kinds[item] = kind;
    this.rows[item] = row;
    this.levels[item] = level;
    this.parents[item] = parent;
    this.positions[item] = parent < 0 ? ++this.top : ++this.children[parent]!;
    return item;
  }

  finish(): Items {
    const { length } = this;
    this.children[length] = this.top;
    return {
      length,
      kinds: this.kinds.subarray(0, length),
      rows: this.rows.subarray(0, length),
      levels: this.levels.subarray(0, length),
      parents: this.parents.subarray(0, length),
      positions: this.positions.subarray(0, length),
      children: this.children.subarray(0, length + 1),
    };
  }
}

export interface Filter {
  /** Rows that match what is searched for; null where all do. */
  readonly found: Int32Array | null;
  readonly hiddenServices: ReadonlySet<number>;
  readonly minDurationNanos: number;
}

/** Which rows are listed: those the filter keeps, and their ancestors. Null where it keeps all. */
export function maskOf(trace: Trace, filter: Filter): Uint8Array | null {
  const { found, hiddenServices, minDurationNanos } = filter;
  if (!found && !hiddenServices.size && minDurationNanos <= 0) return null;
  const mask = new Uint8Array(trace.count);
  if (found) for (const row of found) mask[row] = KEPT;
  else mask.fill(KEPT);
  const hidden = new Uint8Array(trace.serviceNames.length);
  for (const service of hiddenServices) hidden[service] = 1;
  const listedBelow = new Uint8Array(trace.count);
  // From the last row up, so that descendants are known before their ancestors.
  for (let row = trace.count - 1; row >= 0; row--) {
    const isKept =
      at(mask, row) === KEPT &&
      at(trace.duration, row) >= minDurationNanos &&
      at(hidden, at(trace.service, row)) === 0;
    mask[row] = isKept ? KEPT : at(listedBelow, row) ? ANCESTOR : GONE;
    const above = at(trace.parent, row);
    if (mask[row] !== GONE && above >= 0) listedBelow[above] = 1;
  }
  return mask;
}
