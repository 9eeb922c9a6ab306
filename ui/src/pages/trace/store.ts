/** What is seen of one trace at the moment: selection, zoom, what is open, found and hidden. */

import { createContext, use } from "react";
import { createStore, useStore, type StoreApi } from "zustand";
import type { SiblingGroups } from "@/model/siblings";
import { clampZoom, type Zoom } from "@/model/timeAxis";
import { toggled } from "@/model/toggled";
import { at, ERROR, hasChildren } from "@/model/trace";
import type { TraceData } from "@/model/traceData";

/** An item of the waterfall: kind as in `Items.kinds`. */
export interface Focus {
  readonly kind: number;
  readonly row: number;
}

export interface View {
  readonly selected: number | null;
  /** A span the link names that is not in the trace. */
  readonly missing: string;
  readonly zoom: Zoom;
  readonly find: string;
  /** Null while nothing is searched for. */
  readonly found: Int32Array | null;
  readonly matchesOnly: boolean;
  readonly minDurationNanos: number;
  readonly hiddenServices: ReadonlySet<number>;
  /** 1 for rows whose children are not shown. */
  readonly collapsed: Uint8Array;
  readonly openGroups: ReadonlySet<number>;
  /** The line that keys move from. */
  readonly focus: Focus | null;
  /** The row to be brought into sight, and when that was wished. */
  readonly sought: { readonly row: number; readonly time: number } | null;
}

export interface TraceView {
  readonly trace: TraceData;
  readonly groups: SiblingGroups;
  readonly store: StoreApi<View>;
}

/** Length of a trace in nanoseconds; one at least, so that it can be divided by. */
export function lengthOf({ begin, end }: TraceData): number {
  return Math.max(1, end - begin);
}

/** What the parameters of a link say about a trace. */
export function readView(trace: TraceData, params: URLSearchParams) {
  const spanId = params.get("sel") ?? "";
  const row = spanId ? trace.rowOf(spanId) : -1;
  const length = lengthOf(trace);
  const number = (name: string, fallback: number) => {
    const text = params.get(name);
    return text === null || !Number.isFinite(Number(text)) ? fallback : Number(text);
  };
  const hidden = params.getAll("hide").map((name) => trace.serviceNames.indexOf(name));
  return {
    selected: row < 0 ? null : row,
    missing: row < 0 ? spanId : "",
    zoom: clampZoom({ from: number("t0", 0), to: number("t1", length) }, length),
    find: params.get("uiFind") ?? "",
    hiddenServices: new Set(hidden.filter((service) => service >= 0)),
    matchesOnly: params.get("only") === "1",
    minDurationNanos: Math.max(0, number("min", 0)),
  };
}

/** The same the other way round. */
export function writeView(trace: TraceData, view: View) {
  const length = lengthOf(trace);
  const { zoom, selected } = view;
  return {
    sel: selected === null ? view.missing : trace.spanId(selected),
    t0: zoom.from > 0 ? Math.round(zoom.from) : null,
    t1: zoom.to < length ? Math.round(zoom.to) : null,
    uiFind: view.find,
    hide: [...view.hiddenServices].map((service) => trace.serviceNames[service] ?? ""),
    only: view.matchesOnly ? 1 : null,
    min: view.minDurationNanos || null,
  };
}

export function createView(
  trace: TraceData,
  groups: SiblingGroups,
  params: URLSearchParams,
): TraceView {
  const read = readView(trace, params);
  const store = createStore<View>(() => ({
    ...read,
    found: null,
    collapsed: new Uint8Array(trace.count),
    openGroups: new Set(),
    focus: null,
    sought: null,
  }));
  const view = { trace, groups, store };
  if (read.selected !== null) reveal(view, read.selected);
  return view;
}

export const TraceViewContext = createContext<TraceView | null>(null);

export function useTraceView(): TraceView {
  const view = use(TraceViewContext);
  if (!view) throw new Error("This part belongs into a trace page.");
  return view;
}

export function useView<T>(select: (view: View) => T): T {
  return useStore(useTraceView().store, select);
}

/** Selects a row, opens what is above it, and brings it into sight. */
export function select(view: TraceView, row: number): void {
  view.store.setState({ selected: row, missing: "", ...revealed(view, row) });
}

/** Opens everything a row is below, and brings it into sight. */
export function reveal(view: TraceView, row: number): void {
  view.store.setState(revealed(view, row));
}

/** Lists stay the same objects where nothing has to be opened: they are costly to make anew. */
function revealed({ trace, groups, store }: TraceView, row: number): Partial<View> {
  const { collapsed, openGroups } = store.getState();
  let opened = collapsed;
  let open = openGroups;
  for (let above = row; above >= 0; above = at(trace.parent, above)) {
    const group = at(groups.of, above);
    if (above !== row && collapsed[above]) {
      if (opened === collapsed) opened = collapsed.slice();
      opened[above] = 0;
    }
    if (group >= 0 && !open.has(group)) open = new Set([...open, group]);
  }
  return { collapsed: opened, openGroups: open, sought: { row, time: performance.now() } };
}

export function toggleRow({ store }: TraceView, row: number): void {
  const collapsed = store.getState().collapsed.slice();
  collapsed[row] = collapsed[row] ? 0 : 1;
  store.setState({ collapsed });
}

export function toggleGroup({ store }: TraceView, group: number): void {
  store.setState(({ openGroups }) => ({ openGroups: toggled(openGroups, group) }));
}

export function toggleService({ store }: TraceView, service: number): void {
  store.setState(({ hiddenServices }) => ({ hiddenServices: toggled(hiddenServices, service) }));
}

export function expandAll({ trace, groups, store }: TraceView): void {
  const openGroups = new Set(groups.members.keys());
  store.setState({ collapsed: new Uint8Array(trace.count), openGroups });
}

export function collapseAll({ trace, store }: TraceView): void {
  const collapsed = new Uint8Array(trace.count);
  for (let row = 0; row < trace.count; row++) if (hasChildren(trace, row)) collapsed[row] = 1;
  store.setState({ collapsed, openGroups: new Set() });
}

/** Opens the highest level that has something closed. */
export function expandOneLevel({ trace, store }: TraceView): void {
  const collapsed = store.getState().collapsed.slice();
  let level = Infinity;
  collapsed.forEach((closed, row) => {
    if (closed) level = Math.min(level, at(trace.depth, row));
  });
  collapsed.forEach((closed, row) => {
    if (closed && at(trace.depth, row) === level) collapsed[row] = 0;
  });
  store.setState({ collapsed });
}

/** Closes the lowest level that has something open. */
export function collapseOneLevel({ trace, store }: TraceView): void {
  const collapsed = store.getState().collapsed.slice();
  const isOpen = (row: number) => !collapsed[row] && hasChildren(trace, row);
  let level = -1;
  for (let row = 0; row < trace.count;) {
    if (isOpen(row)) level = Math.max(level, at(trace.depth, row));
    row = collapsed[row] ? at(trace.next, row) : row + 1;
  }
  for (let row = 0; row < trace.count; row++) {
    if (at(trace.depth, row) === level && isOpen(row)) collapsed[row] = 1;
  }
  store.setState({ collapsed });
}

/** The row after (or before) another that fulfils a test, going round at the end; -1 for none. */
export function nextRow(
  { trace }: TraceView,
  from: number | null,
  forward: boolean,
  test: (row: number) => boolean,
): number {
  const step = forward ? 1 : -1;
  const begin = from ?? (forward ? -1 : trace.count);
  for (let moved = 1; moved <= trace.count; moved++) {
    const row = (((begin + step * moved) % trace.count) + trace.count) % trace.count;
    if (test(row)) return row;
  }
  return -1;
}

/** Selects the next error, or the one before, and returns its row; -1 where there is none. */
export function selectError(view: TraceView, forward: boolean): number {
  const isError = (row: number) => (at(view.trace.flags, row) & ERROR) !== 0;
  const row = nextRow(view, view.store.getState().selected, forward, isError);
  if (row >= 0) select(view, row);
  return row;
}

/** Selects the next match, or the one before. */
export function selectMatch(view: TraceView, forward: boolean): void {
  const { found, selected } = view.store.getState();
  if (!found?.length) return;
  const after = found.findIndex((row) =>
    forward ? row > (selected ?? -1) : row >= (selected ?? 0),
  );
  const index = forward ? Math.max(0, after) : (after < 0 ? found.length : after) - 1;
  select(view, found.at(index)!);
}

export function setZoom({ trace, store }: TraceView, wish: Zoom): void {
  store.setState({ zoom: clampZoom(wish, lengthOf(trace)) });
}
