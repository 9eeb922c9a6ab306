/**
 * A chart made of cells of which a box can be chosen: by dragging, by a click, or by the arrow keys
 * and Enter. Where the pointer or the cursor is, a text tells what is there.
 */

import { useId, useRef, useState, type KeyboardEvent, type PointerEvent } from "react";
import { boxOf, type Box, type Cell } from "@/model/histogram";
import { Canvas, useWidth, type Draw } from "./Canvas";
import { LEFT, plotOf, TOP } from "./plot";
import styles from "./Charts.module.css";

interface CellChartProps {
  readonly label: string;
  readonly height: number;
  readonly columns: number;
  /** Counted upwards; a chart with one has no vertical choice. */
  readonly rows: number;
  readonly draw: Draw;
  /** What is in a box, in words. */
  describe(box: Box): string;
  onChoose(box: Box): void;
}

type Axis = "columns" | "rows";

/** In pixels; less is a click. */
const LEAST_DRAG = 8;
/** In pixels; a hand that means to go straight strays this much. */
const MOST_STRAY = 28;

const ARROWS: Readonly<Record<string, readonly [columns: number, rows: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
};

export function CellChart(props: CellChartProps) {
  const { label, height, columns, rows, draw, describe, onChoose } = props;
  const root = useRef<HTMLDivElement>(null);
  const width = useWidth(root);
  const [anchor, setAnchor] = useState<Cell | null>(null);
  const [cursor, setCursor] = useState<Cell | null>(null);
  const [dragging, setDragging] = useState(false);
  const [whole, setWhole] = useState<Axis | null>(null);
  const begin = useRef({ x: 0, y: 0 });
  const hintId = useId();
  const plot = plotOf({ width, height });
  const limit = (cell: Cell): Cell => ({
    column: Math.min(Math.max(cell.column, 0), columns - 1),
    row: Math.min(Math.max(cell.row, 0), rows - 1),
  });
  const cellAt = (event: PointerEvent<HTMLElement>): Cell => {
    const { left, top } = event.currentTarget.getBoundingClientRect();
    const [x, y] = [event.clientX - left - LEFT, event.clientY - top - TOP];
    return limit({
      column: Math.floor((x / plot.width) * columns),
      row: Math.floor((1 - y / plot.height) * rows),
    });
  };
  const drawn = cursor ? boxOf(anchor ?? cursor, cursor) : null;
  const box = drawn && {
    ...drawn,
    ...(whole === "columns" ? { left: 0, right: columns - 1 } : {}),
    ...(whole === "rows" ? { low: 0, high: rows - 1 } : {}),
  };
  const clear = () => {
    setAnchor(null);
    setCursor(null);
    setDragging(false);
    setWhole(null);
  };
  const choose = () => {
    if (box) onChoose(box);
    clear();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const arrow = ARROWS[event.key];
    if (arrow) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const from = cursor ?? { column: arrow[0] < 0 ? columns : -1, row: 0 };
      setAnchor(event.shiftKey ? (anchor ?? cursor) : null);
      setCursor(limit({ column: from.column + arrow[0], row: from.row + arrow[1] }));
    } else if ((event.key === "Enter" || event.key === " ") && box) choose();
    else if (event.key === "Escape" && box) clear();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div
      ref={root}
      role="application"
      aria-roledescription="chart"
      aria-label={label}
      aria-describedby={hintId}
      tabIndex={0}
      className={styles.chart}
      onKeyDown={onKeyDown}
      onBlur={clear}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        setDragging(true);
        begin.current = { x: event.clientX, y: event.clientY };
        setAnchor(cellAt(event));
        setCursor(cellAt(event));
      }}
      onPointerMove={(event) => {
        if (!dragging) setAnchor(null);
        else if (rows > 1) {
          const { x, y } = begin.current;
          setWhole(acrossOf(event.clientX - x, event.clientY - y));
        }
        setCursor(cellAt(event));
      }}
      onPointerUp={() => {
        if (dragging) choose();
      }}
      onPointerCancel={clear}
      onPointerLeave={() => {
        if (!dragging) clear();
      }}
    >
      <Canvas height={height} draw={draw} />
      {box && width ? (
        <div
          className={styles.box}
          style={{
            left: LEFT + (box.left / columns) * plot.width,
            width: ((box.right - box.left + 1) / columns) * plot.width,
            top: TOP + (1 - (box.high + 1) / rows) * plot.height,
            height: ((box.high - box.low + 1) / rows) * plot.height,
          }}
        />
      ) : null}
      <Tip
        x={box ? LEFT + ((box.left + box.right + 1) / 2 / columns) * plot.width : null}
        width={width}
      >
        {box ? describe(box) : ""}
      </Tip>
      <p id={hintId} className="visually-hidden">
        Arrow keys move, Shift with an arrow key extends, Enter narrows the search to it.
      </p>
    </div>
  );
}

/**
 * What a drag covers as a whole: all rows where it goes mainly sideways, all columns where it goes
 * mainly up or down, nothing where it goes aslant or has hardly begun.
 */
function acrossOf(x: number, y: number): Axis | null {
  const [aside, upright] = [Math.abs(x), Math.abs(y)];
  if (Math.max(aside, upright) < LEAST_DRAG || Math.min(aside, upright) > MOST_STRAY) return null;
  if (aside > 2 * upright) return "rows";
  return upright > 2 * aside ? "columns" : null;
}

/** A text above a place of a chart; read out, too. */
export function Tip({
  x,
  width,
  children,
}: {
  readonly x: number | null;
  readonly width: number;
  readonly children: string;
}) {
  return (
    <div
      className={styles.tip}
      aria-live="polite"
      hidden={x === null}
      style={x !== null && x > width / 2 ? { right: width - x + 8 } : { left: (x ?? 0) + 8 }}
    >
      {children}
    </div>
  );
}
