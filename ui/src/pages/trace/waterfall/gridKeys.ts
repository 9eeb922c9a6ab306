/** The keyboard in the waterfall, as in any tree grid: one line has the focus, arrows move it. */

import {
  useEffect,
  useMemo,
  useRef,
  type FocusEvent,
  type KeyboardEvent,
  type RefObject,
} from "react";
import { at } from "@/model/trace";
import { kindOf, type Items } from "@/model/waterfall";
import {
  toggleGroup,
  toggleRow,
  useTraceView,
  useView,
  type Focus,
  type TraceView,
} from "../store";
import { COVERED } from "./StickyAncestors";
import type { Lines } from "./useItems";
import type { ListScroller, ListWindow } from "./listScroller";

export function useGridKeys(
  items: Items,
  lines: Lines,
  list: ListScroller,
  window: ListWindow,
  grid: RefObject<HTMLElement | null>,
  open: (index: number) => void,
) {
  const view = useTraceView();
  const sought = useView(({ sought }) => sought);
  const focus = useView(({ focus }) => focus);
  const setFocus = (focus: Focus) => view.store.setState({ focus });
  const wantsFocus = useRef(false);
  const focused = useMemo(() => Math.max(0, indexOf(items, focus)), [items, focus]);
  const moveTo = (index: number) => {
    if (index < 0 || index >= items.length) return;
    wantsFocus.current = true;
    setFocus({ kind: at(items.kinds, index), row: at(items.rows, index) });
    list.show(index, COVERED);
    // What is shown in detail follows, once something is.
    const isSpan = kindOf(items, index) === "span";
    if (isSpan && view.store.getState().selected !== null) {
      view.store.setState({ selected: at(items.rows, index) });
    }
  };
  useEffect(() => {
    if (!wantsFocus.current) return;
    wantsFocus.current = false;
    lineElement(grid, focused)?.focus({ preventScroll: true });
  });
  useEffect(() => {
    if (!sought) return;
    const target = { kind: 0, row: sought.row };
    const index = indexOf(items, target);
    if (index < 0) return;
    list.show(index, COVERED, true);
    wantsFocus.current = isFocusFree(grid);
    view.store.setState({ focus: target });
    // Once for each time something is sought, not whenever the list changes.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [sought]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const line = (event.target as HTMLElement).closest<HTMLElement>("[data-line]");
    if (!line) return;
    const keys = { view, items, lines, index: Number(line.dataset["line"]), moveTo, open };
    const cell = (event.target as HTMLElement).closest<HTMLElement>("[role=gridcell]");
    if (cell ? moveInCells(event, line, cell) : moveInTree(event, line, keys, window)) {
      event.preventDefault();
    }
  };
  const onFocus = (event: FocusEvent) => {
    const line = (event.target as HTMLElement).closest<HTMLElement>("[data-line]");
    if (!line) return;
    const index = Number(line.dataset["line"]);
    const [kind, row] = [at(items.kinds, index), at(items.rows, index)];
    if (focus?.kind !== kind || focus.row !== row) setFocus({ kind, row });
  };
  return { focused, moveTo, onKeyDown, onFocus };
}

interface Keys {
  readonly view: TraceView;
  readonly items: Items;
  readonly lines: Lines;
  readonly index: number;
  moveTo(index: number): void;
  open(index: number): void;
}

/** Returns whether the key meant something. */
function moveInTree(
  event: KeyboardEvent,
  line: HTMLElement,
  { view, items, lines, index, moveTo, open }: Keys,
  { first, last }: ListWindow,
): boolean {
  const { expanded } = lines(index);
  const page = Math.max(1, last - first - 16);
  switch (event.key) {
    case "ArrowDown":
      moveTo(index + 1);
      return true;
    case "ArrowUp":
      moveTo(index - 1);
      return true;
    case "PageDown":
      moveTo(Math.min(items.length - 1, index + page));
      return true;
    case "PageUp":
      moveTo(Math.max(0, index - page));
      return true;
    case "Home":
      moveTo(0);
      return true;
    case "End":
      moveTo(items.length - 1);
      return true;
    case "ArrowRight":
      if (expanded === false) toggleItem(view, items, index);
      else line.querySelector<HTMLElement>("[role=gridcell]")?.focus();
      return true;
    case "ArrowLeft":
      if (expanded) toggleItem(view, items, index);
      else moveTo(at(items.parents, index));
      return true;
    case " ":
      if (expanded !== null) toggleItem(view, items, index);
      return true;
    case "Enter":
      open(index);
      return true;
    default:
      return false;
  }
}

function moveInCells(event: KeyboardEvent, line: HTMLElement, cell: HTMLElement): boolean {
  const target = {
    ArrowRight: cell.nextElementSibling ?? cell,
    ArrowLeft: cell.previousElementSibling ?? line,
    ArrowUp: line,
    ArrowDown: line,
    Escape: line,
  }[event.key];
  if (!(target instanceof HTMLElement)) return false;
  target.focus({ preventScroll: true });
  return true;
}

/** Opens or closes a span or a group. */
export function toggleItem(view: TraceView, items: Items, index: number): void {
  const row = at(items.rows, index);
  if (kindOf(items, index) === "group") toggleGroup(view, at(view.groups.of, row));
  else toggleRow(view, row);
}

function indexOf(items: Items, focus: Focus | null): number {
  if (!focus) return -1;
  // The selected span can be looked for by its row alone: a group is listed before its members.
  for (let index = 0; index < items.length; index++) {
    if (items.rows[index] === focus.row && items.kinds[index] === focus.kind) return index;
  }
  return -1;
}

/** Whether nobody is busy elsewhere: the focus is on a line, or on nothing in particular. */
function isFocusFree(grid: RefObject<HTMLElement | null>): boolean {
  const focused = document.activeElement;
  return !focused || focused.matches("body, main") || grid.current?.contains(focused) === true;
}

/** Gives the focus to the line that had it last, after the next render. */
export function focusLineSoon(): void {
  requestAnimationFrame(() =>
    document.querySelector<HTMLElement>("[data-line][tabindex='0']")?.focus(),
  );
}

function lineElement(grid: RefObject<HTMLElement | null>, index: number): HTMLElement | null {
  return grid.current?.querySelector<HTMLElement>(`[data-line="${index}"]`) ?? null;
}
