/**
 * The waterfall: the tree of spans on the left, when they ran on the right. Only the lines that are
 * seen are elements; the one with the focus stays one wherever it is.
 */

import { useLayoutEffect, useMemo, useRef, type CSSProperties, type RefObject } from "react";
import { useShortcuts } from "@/app/shortcuts";
import type { ServiceColor } from "@/model/colors";
import { at } from "@/model/trace";
import { kindOf, setSize, type Items } from "@/model/waterfall";
import { useUrl } from "@/url/location";
import { usePreferences } from "../preferences";
import { lengthOf, setZoom, useTraceView, useView } from "../store";
import { Cursor } from "./Cursor";
import { Divider } from "./Divider";
import { drawingOf } from "./drawing";
import { toggleItem, useGridKeys } from "./gridKeys";
import { LINE_HEIGHT, useListScroller, type ListScroller, type ListWindow } from "./listScroller";
import { INDENT, Row } from "./Row";
import { ancestorsAbove, StickyAncestors } from "./StickyAncestors";
import { TimeAxis } from "./TimeAxis";
import { useItems } from "./useItems";
import { useTimelineWheel } from "./useTimelineWheel";
import styles from "./Waterfall.module.css";

/** Width kept for names behind the deepest level, in pixels. */
const NAME_PIXELS = 400;

export function Waterfall({
  colors,
  onOpen,
}: {
  readonly colors: ReadonlyMap<string, ServiceColor>;
  /** A span was opened with the keyboard: its detail takes the focus. */
  onOpen(): void;
}) {
  const view = useTraceView();
  const { trace } = view;
  const { items, lines } = useItems(colors);
  const zoom = useView(({ zoom }) => zoom);
  const marks = usePreferences(({ marks }) => marks);
  const treeShare = usePreferences(({ treeShare }) => treeShare);
  const [list, window] = useListScroller(items.length);
  const { attach } = list;
  const drawing = useMemo(() => drawingOf(trace, marks), [trace, marks]);
  const area = useRef<HTMLDivElement>(null);
  const axis = useRef<HTMLDivElement>(null);
  const sideways = useRef<HTMLDivElement>(null);
  const pick = usePick(items);
  const open = (index: number) => {
    pick(index);
    if (kindOf(items, index) === "span") onOpen();
  };
  const keys = useGridKeys(items, lines, list, window, area, open);
  useTimelineWheel(area, axis, sideways);
  useListShortcuts(items, list, keys);
  return (
    <div
      className={styles.waterfall}
      data-scrolls={window.height > list.getPlace().viewport || undefined}
      style={{ "--tree-width": `${(treeShare * 100).toFixed(2)}%` } as CSSProperties}
      ref={area}
    >
      <div
        role="treegrid"
        className={styles.grid}
        aria-label="Spans of the trace"
        aria-rowcount={items.length + 1}
        aria-colcount={2}
        onKeyDown={keys.onKeyDown}
        onFocus={keys.onFocus}
      >
        <div role="row" aria-rowindex={1} className={styles.head}>
          <div role="columnheader" className={styles.title}>
            Service and operation
          </div>
          <div role="columnheader" aria-label="Timeline" ref={axis}>
            <AxisOfZoom />
          </div>
        </div>
        <div
          role="rowgroup"
          className={styles.scroller}
          ref={attach}
          onClick={(event) => {
            const target = event.target as HTMLElement;
            const line = target.closest<HTMLElement>("[data-line]");
            if (!line) return;
            const index = Number(line.dataset["line"]);
            if (target.closest("[data-toggle]")) toggleItem(view, items, index);
            else pick(index);
          }}
        >
          <StickyAncestors
            ancestors={ancestorsAbove(items, window.top)}
            {...{ lines, zoom, drawing }}
            onPick={keys.moveTo}
          />
          <div role="presentation" style={{ height: window.height }}>
            <div
              role="presentation"
              className={styles.block}
              style={{ transform: `translateY(${window.offset}px)` }}
            >
              {linesToDraw(window, items.length, keys.focused).map((index) => (
                <Row
                  key={`${items.kinds[index]}-${items.rows[index]}`}
                  {...lines(index)}
                  index={index}
                  top={(index - window.blockStart) * LINE_HEIGHT}
                  position={at(items.positions, index)}
                  setSize={setSize(items, index)}
                  focusable={index === keys.focused}
                  zoom={zoom}
                  drawing={drawing}
                />
              ))}
            </div>
          </div>
        </div>
      </div>
      <Sideways items={items} area={area} bar={sideways} />
      <div className={styles.overlay}>
        <div className={styles.track}>
          <Cursor area={area} axis={axis} zoom={zoom} />
        </div>
        <TreeDivider area={area} />
      </div>
    </div>
  );
}

/** The lines in sight, and the one with the focus. */
function linesToDraw({ first, last }: ListWindow, count: number, focused: number): number[] {
  const lines = Array.from({ length: last - first }, (_, place) => first + place);
  if (focused < count && (focused < first || focused >= last)) lines.push(focused);
  return lines;
}

/** What happens with an item that is clicked. */
function usePick(items: Items): (index: number) => void {
  const view = useTraceView();
  const url = useUrl();
  return (index) => {
    const kind = kindOf(items, index);
    const row = at(items.rows, index);
    if (kind === "span") view.store.setState({ selected: row, missing: "" });
    else if (kind === "group") toggleItem(view, items, index);
    else url.change({ root: view.trace.spanId(row), sel: null, t0: null, t1: null });
  };
}

function useListShortcuts(
  items: Items,
  list: ListScroller,
  { focused, moveTo }: { readonly focused: number; moveTo(index: number): void },
): void {
  const scroll = (lines: number) => () => list.scrollBy(lines);
  const group = "Waterfall";
  useShortcuts([
    { keys: ["s"], description: "Scroll down", group, run: scroll(4) },
    { keys: ["w"], description: "Scroll up", group, run: scroll(-4) },
    {
      keys: ["f"],
      description: "Next span",
      group,
      run: () => moveTo(Math.min(items.length - 1, focused + 1)),
    },
    {
      keys: ["b"],
      description: "Previous span",
      group,
      run: () => moveTo(Math.max(0, focused - 1)),
    },
  ]);
}

function AxisOfZoom() {
  const view = useTraceView();
  const zoom = useView(({ zoom }) => zoom);
  return (
    <TimeAxis zoom={zoom} length={lengthOf(view.trace)} onZoom={(wish) => setZoom(view, wish)} />
  );
}

/** Scrolls the names to the side, where they are too deep for their column. */
function Sideways({
  items,
  area,
  bar,
}: {
  readonly items: Items;
  readonly area: RefObject<HTMLElement | null>;
  readonly bar: RefObject<HTMLDivElement | null>;
}) {
  const selected = useView(({ selected }) => selected);
  const deepest = useMemo(
    () => items.levels.reduce((most, one) => Math.max(most, one), 0),
    [items],
  );
  useLayoutEffect(() => {
    if (selected === null || !bar.current) return;
    const place = items.rows.indexOf(selected);
    const indent = place < 0 ? 0 : at(items.levels, place) * INDENT;
    const { scrollLeft, clientWidth } = bar.current;
    if (indent < scrollLeft || indent > scrollLeft + clientWidth * 0.6) {
      bar.current.scrollTo({ left: Math.max(0, indent - clientWidth * 0.25) });
    }
  }, [selected, items, bar]);
  return (
    <div
      className={styles.sideways}
      ref={bar}
      onScroll={(event) => {
        const { scrollLeft } = event.currentTarget;
        area.current?.style.setProperty("--tree-scroll", `${scrollLeft}px`);
      }}
    >
      <div style={{ width: deepest * INDENT + NAME_PIXELS, height: 1 }} />
    </div>
  );
}

function TreeDivider({ area }: { readonly area: RefObject<HTMLElement | null> }) {
  const treeShare = usePreferences(({ treeShare }) => treeShare);
  const set = usePreferences(({ set }) => set);
  return (
    <div className={styles.divider}>
      <Divider
        label="Width of the names"
        value={treeShare}
        min={0.12}
        max={0.85}
        step={0.02}
        valueAt={(clientX) => {
          const box = area.current!.getBoundingClientRect();
          return (clientX - box.left) / box.width;
        }}
        onMove={(share) => set({ treeShare: share })}
      />
    </div>
  );
}
