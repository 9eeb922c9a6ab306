/**
 * A trace as columns in the order of its tree, parents before their children.
 *
 * Row `i`'s subtree is the rows `i` to `next[i] - 1`, so collapsing, sums and visible rows are loops
 * over arrays; nothing is an object a span.
 */

/** Spans in any order, one array a column, as they were read. */
export interface SpanColumns {
  readonly spanIds: readonly string[];
  /** Empty for spans without a parent. */
  readonly parentIds: readonly string[];
  /** Nanoseconds since the trace's `baseUnixNano`. */
  readonly starts: Float64Array;
  /** Nanoseconds. */
  readonly durations: Float64Array;
  readonly services: readonly string[];
  readonly names: readonly string[];
  /** Bits, see `ERROR`. */
  readonly flags: Uint8Array;
}

/** Bits of `Trace.flags`. */
export const ERROR = 1;
/** The parent is not in the trace. */
export const ORPHAN = 2;
export const WARNED = 4;
/** Not all descendants are here. */
export const CUT = 8;

export interface Trace {
  readonly count: number;
  /** Row of the parent; -1 for roots, and where the parent is missing. */
  readonly parent: Int32Array;
  /** The row after the last of the subtree. */
  readonly next: Int32Array;
  readonly depth: Int32Array;
  /** Nanoseconds since the base of the trace. */
  readonly start: Float64Array;
  /** Nanoseconds. */
  readonly duration: Float64Array;
  /** Nanoseconds in which no child of the row ran. */
  readonly self: Float64Array;
  /** Index into `serviceNames`, which are sorted. */
  readonly service: Uint32Array;
  readonly serviceNames: readonly string[];
  /** Index into `names`. */
  readonly name: Uint32Array;
  readonly names: readonly string[];
  /** Bits: `ERROR`, `ORPHAN`, `WARNED`, `CUT`. */
  readonly flags: Uint8Array;
  /** Errors in the subtree, the row itself not counted. */
  readonly errorsBelow: Int32Array;
  /** Rows whose parent is not in the trace. */
  readonly orphans: Int32Array;
  /** First start and last end of all rows. */
  readonly begin: number;
  readonly end: number;
}

/** A tree that was built here. */
export interface BuiltTrace extends Trace {
  /** Where each row was in the columns it was built from. */
  readonly source: Int32Array;
}

/** Puts spans into a tree. Spans in a cycle and repeated ids become roots; none is lost. */
export function buildTrace(columns: SpanColumns): BuiltTrace {
  const count = columns.spanIds.length;
  const parents = parentsOf(columns);
  const { source, depth } = inTreeOrder(columns, parents);
  const rowOf = new Int32Array(count);
  source.forEach((span, row) => (rowOf[span] = row));

  const parent = new Int32Array(count);
  const next = new Int32Array(count);
  const start = new Float64Array(count);
  const duration = new Float64Array(count);
  const flags = new Uint8Array(count);
  const service = new Uint32Array(count);
  const name = new Uint32Array(count);
  const serviceIds = interned([...new Set(columns.services)].sort());
  const nameIds = interned(columns.names);
  for (let row = 0; row < count; row++) {
    const span = at(source, row);
    const above = at(parents, span);
    parent[row] = above < 0 ? -1 : at(rowOf, above);
    next[row] = row + 1;
    start[row] = at(columns.starts, span);
    duration[row] = at(columns.durations, span);
    flags[row] = at(columns.flags, span) | (above < 0 && columns.parentIds[span] ? ORPHAN : 0);
    service[row] = serviceIds.get(columns.services[span] ?? "") ?? 0;
    name[row] = nameIds.get(columns.names[span] ?? "") ?? 0;
  }
  for (let row = count - 1; row >= 0; row--) {
    const above = at(parent, row);
    if (above >= 0) next[above] = Math.max(at(next, above), at(next, row));
  }
  return {
    count,
    source,
    parent,
    next,
    depth,
    start,
    duration,
    service,
    serviceNames: [...serviceIds.keys()],
    name,
    names: [...nameIds.keys()],
    flags,
    ...derive({ parent, start, duration, flags }),
  };
}

/** What follows from the columns of a tree. */
export function derive({
  parent,
  start,
  duration,
  flags,
}: Pick<Trace, "parent" | "start" | "duration" | "flags">): Pick<
  Trace,
  "self" | "errorsBelow" | "orphans" | "begin" | "end"
> {
  const count = parent.length;
  const errorsBelow = new Int32Array(count);
  const orphans: number[] = [];
  let begin = Infinity;
  let end = -Infinity;
  for (let row = count - 1; row >= 0; row--) {
    const above = at(parent, row);
    const flag = at(flags, row);
    if (above >= 0) errorsBelow[above]! += at(errorsBelow, row) + (flag & ERROR);
    if (flag & ORPHAN) orphans.push(row);
    begin = Math.min(begin, at(start, row));
    end = Math.max(end, at(start, row) + at(duration, row));
  }
  return {
    self: selfTimes(parent, start, duration),
    errorsBelow,
    orphans: Int32Array.from(orphans.reverse()),
    begin: count ? begin : 0,
    end: count ? end : 0,
  };
}

/** The rows that are seen when these are collapsed: their subtrees are left out. */
export function visibleRows(trace: Trace, collapsed: ReadonlySet<number>): Int32Array {
  const rows = new Int32Array(trace.count);
  let seen = 0;
  for (let row = 0; row < trace.count;) {
    rows[seen++] = row;
    row = collapsed.has(row) ? at(trace.next, row) : row + 1;
  }
  return rows.subarray(0, seen);
}

/** Whether a row has children. */
export function hasChildren(trace: Trace, row: number): boolean {
  return at(trace.next, row) > row + 1;
}

/** 1 for these rows. */
export function markRows({ count }: Trace, rows: Int32Array): Uint8Array {
  const marks = new Uint8Array(count);
  for (const row of rows) marks[row] = 1;
  return marks;
}

/** An element that is there: for loops that stay within an array. */
export function at(array: { readonly [index: number]: number }, index: number): number {
  return array[index] as number;
}

function interned(texts: readonly string[]): Map<string, number> {
  const ids = new Map<string, number>();
  for (const text of texts) if (!ids.has(text)) ids.set(text, ids.size);
  return ids;
}

/** The place of each span's parent; -1 where there is none. */
function parentsOf(columns: SpanColumns): Int32Array {
  const places = new Map<string, number>();
  columns.spanIds.forEach((id, place) => {
    if (!places.has(id)) places.set(id, place);
  });
  const parents = new Int32Array(columns.spanIds.length).fill(-1);
  columns.parentIds.forEach((id, place) => {
    const above = id ? places.get(id) : undefined;
    if (above !== undefined && above !== place) parents[place] = above;
  });
  breakCycles(parents);
  return parents;
}

/** Makes a root of the first span of each cycle. */
function breakCycles(parents: Int32Array): void {
  // 0: not looked at; otherwise the number of the walk that passed.
  const passed = new Int32Array(parents.length);
  for (let begin = 0; begin < parents.length; begin++) {
    let place = begin;
    while (place >= 0 && !passed[place]) {
      passed[place] = begin + 1;
      place = at(parents, place);
    }
    if (place >= 0 && passed[place] === begin + 1) parents[place] = -1;
  }
}

/** Spans by tree: parents first, children by their start, in the order they came where alike. */
function inTreeOrder(
  columns: SpanColumns,
  parents: Int32Array,
): { source: Int32Array; depth: Int32Array } {
  const count = parents.length;
  const byStart = Int32Array.from({ length: count }, (_, place) => place).sort(
    (one, other) => at(columns.starts, one) - at(columns.starts, other) || one - other,
  );
  // Children as linked lists, first child and next sibling, built from the last to the first.
  const firstChild = new Int32Array(count).fill(-1);
  const sibling = new Int32Array(count).fill(-1);
  let firstRoot = -1;
  for (let index = count - 1; index >= 0; index--) {
    const place = at(byStart, index);
    const above = at(parents, place);
    sibling[place] = above < 0 ? firstRoot : at(firstChild, above);
    if (above < 0) firstRoot = place;
    else firstChild[above] = place;
  }
  const source = new Int32Array(count);
  const depth = new Int32Array(count);
  const depthOf = new Int32Array(count);
  const waiting: number[] = firstRoot < 0 ? [] : [firstRoot];
  let row = 0;
  for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
    const above = at(parents, place);
    depthOf[place] = above < 0 ? 0 : at(depthOf, above) + 1;
    source[row] = place;
    depth[row++] = at(depthOf, place);
    if (at(sibling, place) >= 0) waiting.push(at(sibling, place));
    if (at(firstChild, place) >= 0) waiting.push(at(firstChild, place));
  }
  return { source, depth };
}

/** Each row's duration without the time any of its children ran. */
function selfTimes(parent: Int32Array, start: Float64Array, duration: Float64Array): Float64Array {
  const self = duration.slice();
  // How far a parent is covered by the children seen, which come by their start.
  const covered = start.slice();
  for (let row = 0; row < parent.length; row++) {
    const above = at(parent, row);
    if (above < 0) continue;
    const from = Math.max(at(start, row), at(covered, above));
    const end = at(start, above) + at(duration, above);
    const to = Math.min(at(start, row) + at(duration, row), end);
    if (to > from) {
      self[above] = at(self, above) - (to - from);
      covered[above] = to;
    }
  }
  return self;
}
