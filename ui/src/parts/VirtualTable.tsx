/**
 * A table of any length: only the rows in sight are in the document. Rows are walked with the arrow
 * keys, may form a tree, and may open a detail below themselves.
 */

import { defaultRangeExtractor, useVirtualizer, type Range } from "@tanstack/react-virtual";
import { ArrowDown, ArrowUp, ChevronDown, ChevronRight } from "lucide-react";
import { useRef, useState, type CSSProperties, type KeyboardEvent, type ReactNode } from "react";
import type { Sort } from "./SortableTable";
import styles from "./VirtualTable.module.css";

export interface VirtualColumn<Row> {
  readonly key: string;
  readonly title: string;
  /** Says more about the column than its title does. */
  readonly hint?: string;
  readonly numeric?: boolean;
  readonly sortable?: boolean;
  /** Pixels it has at least, and its part of what is left over. */
  readonly width: number;
  readonly grow?: number;
  readonly render: (row: Row) => ReactNode;
}

/** Rows of a tree: their depth from 0, and whether their children are shown; null without any. */
export interface Tree<Row> {
  readonly level: (row: Row) => number;
  readonly expanded: (row: Row) => boolean | null;
  onToggle(row: Row): void;
}

interface VirtualTableProps<Row> {
  readonly caption: string;
  readonly columns: readonly VirtualColumn<Row>[];
  /** Already in order. */
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => string | number;
  readonly sort?: Sort | null;
  onSort?(sort: Sort): void;
  readonly selected?: (row: Row) => boolean;
  /** Rows that stand out, for they match what is looked for. */
  readonly marked?: (row: Row) => boolean;
  /** A click on a row, or Enter. */
  onOpen?(row: Row): void;
  readonly tree?: Tree<Row>;
  /** What is shown below an open row; null for the others. */
  readonly detail?: (row: Row) => ReactNode;
  readonly rowClass?: (row: Row) => string | undefined;
  /** Shown instead of rows where there are none. */
  readonly empty: ReactNode;
}

const ROW_HEIGHT = 28;
const PAGE_ROWS = 20;

export function VirtualTable<Row>(props: VirtualTableProps<Row>) {
  const { caption, columns, rows, rowKey, tree, empty } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [focused, setFocused] = useState(0);
  const current = Math.min(focused, rows.length - 1);
  // eslint-disable-next-line react-hooks/incompatible-library -- rows are rendered here, not memoized
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    getItemKey: (index) => rowKey(rows[index]!),
    overscan: 8,
    // The row with the focus stays, or the focus would be lost by scrolling.
    rangeExtractor: (range: Range) => withRow(defaultRangeExtractor(range), current),
  });
  const focusRow = (index: number) => {
    const target = Math.max(0, Math.min(rows.length - 1, index));
    setFocused(target);
    virtual.scrollToIndex(target);
    requestAnimationFrame(() =>
      scroller.current?.querySelector<HTMLElement>(`[data-index="${target}"]`)?.focus(),
    );
  };
  const width = columns.reduce((sum, column) => sum + column.width, 0);
  const template = columns
    .map((column) => `minmax(${column.width}px, ${column.grow ?? 0}fr)`)
    .join(" ");
  return (
    <div
      ref={scroller}
      className={styles.scroll}
      role={tree ? "treegrid" : "grid"}
      aria-label={caption}
      aria-rowcount={rows.length + 1}
      aria-colcount={columns.length}
    >
      <div
        className={styles.content}
        role="presentation"
        style={{ minWidth: width, "--columns": template } as CSSProperties}
      >
        <Head {...props} />
        <div
          role="rowgroup"
          className={styles.body}
          style={{ height: virtual.getTotalSize() }}
          onKeyDown={(event) => onRowKey(event, props, current, focusRow)}
        >
          {virtual.getVirtualItems().map(({ index, key, start }) => (
            <BodyRow
              key={key}
              {...props}
              index={index}
              top={start}
              focusable={index === current}
              onFocus={() => setFocused(index)}
              measure={virtual.measureElement}
            />
          ))}
        </div>
      </div>
      {rows.length ? null : <div className={styles.empty}>{empty}</div>}
    </div>
  );
}

function withRow(indexes: number[], row: number): number[] {
  if (row < 0 || indexes.includes(row)) return indexes;
  return [...indexes, row].sort((one, other) => one - other);
}

function Head<Row>({ columns, sort, onSort }: VirtualTableProps<Row>) {
  return (
    <div role="rowgroup" className={styles.headGroup}>
      <div role="row" aria-rowindex={1} className={`${styles.row} ${styles.head}`}>
        {columns.map((column) => {
          const sorted = sort?.key === column.key;
          const Arrow = sort?.descending ? ArrowDown : ArrowUp;
          return (
            <div
              key={column.key}
              role="columnheader"
              title={column.hint}
              className={cellClass(column)}
              aria-sort={sorted ? (sort.descending ? "descending" : "ascending") : undefined}
            >
              {column.sortable && onSort ? (
                <button
                  type="button"
                  className={styles.sort}
                  onClick={() =>
                    onSort({
                      key: column.key,
                      descending: sorted ? !sort.descending : Boolean(column.numeric),
                    })
                  }
                >
                  <span className={styles.title}>{column.title}</span>
                  {sorted ? <Arrow size={12} aria-hidden /> : null}
                </button>
              ) : (
                column.title
              )}
            </div>
          );
        })}
      </div>
    </div>
  );
}

interface BodyRowProps<Row> extends VirtualTableProps<Row> {
  readonly index: number;
  readonly top: number;
  readonly focusable: boolean;
  onFocus(): void;
  readonly measure: (element: HTMLElement | null) => void;
}

function BodyRow<Row>({
  rows,
  columns,
  index,
  top,
  focusable,
  tree,
  selected,
  marked,
  onOpen,
  onFocus,
  detail,
  rowClass,
  measure,
}: BodyRowProps<Row>) {
  const row = rows[index]!;
  const isSelected = selected?.(row) ?? false;
  const isMarked = marked?.(row) ?? false;
  const expanded = tree?.expanded(row) ?? undefined;
  const opened = detail?.(row) ?? null;
  return (
    <div
      ref={measure}
      data-index={index}
      role="row"
      aria-rowindex={index + 2}
      aria-level={tree ? tree.level(row) + 1 : undefined}
      aria-expanded={expanded}
      aria-selected={selected ? isSelected : undefined}
      tabIndex={focusable ? 0 : -1}
      className={[
        styles.place,
        isMarked ? styles.marked : "",
        isSelected ? styles.selected : "",
        onOpen ? styles.opens : "",
        rowClass?.(row) ?? "",
      ].join(" ")}
      style={{ transform: `translateY(${top}px)` }}
      onFocus={onFocus}
      onClick={() => onOpen?.(row)}
    >
      <div className={styles.row} role="presentation">
        {columns.map((column, place) => (
          <div key={column.key} role="gridcell" className={cellClass(column)}>
            {tree && place === 0 ? <Indent tree={tree} row={row} /> : null}
            {isMarked && place === 0 ? <span className="visually-hidden">Match: </span> : null}
            {column.render(row)}
          </div>
        ))}
      </div>
      {opened ? (
        <div
          role="gridcell"
          aria-colspan={columns.length}
          className={styles.detail}
          onClick={(event) => event.stopPropagation()}
        >
          {opened}
        </div>
      ) : null}
    </div>
  );
}

function Indent<Row>({ tree, row }: { readonly tree: Tree<Row>; readonly row: Row }) {
  const expanded = tree.expanded(row);
  const Chevron = expanded ? ChevronDown : ChevronRight;
  return (
    <span className={styles.indent} style={{ paddingLeft: tree.level(row) * 14 }}>
      {expanded === null ? null : (
        <button
          type="button"
          tabIndex={-1}
          className={styles.chevron}
          aria-label={expanded ? "Collapse" : "Expand"}
          onClick={(event) => {
            event.stopPropagation();
            tree.onToggle(row);
          }}
        >
          <Chevron size={14} aria-hidden />
        </button>
      )}
    </span>
  );
}

function cellClass<Row>(column: VirtualColumn<Row>): string {
  return `${styles.cell} ${column.numeric ? styles.numeric : ""}`;
}

function onRowKey<Row>(
  event: KeyboardEvent,
  { rows, tree, onOpen }: VirtualTableProps<Row>,
  current: number,
  focusRow: (index: number) => void,
): void {
  const row = rows[current];
  // Keys pressed within a detail, or on a button of a cell, belong to these.
  if (row === undefined || (event.target as HTMLElement).role !== "row") return;
  const expanded = tree?.expanded(row) ?? null;
  const steps: Record<string, number> = {
    ArrowDown: 1,
    ArrowUp: -1,
    PageDown: PAGE_ROWS,
    PageUp: -PAGE_ROWS,
    Home: -Infinity,
    End: Infinity,
  };
  const step = steps[event.key];
  if (step !== undefined) focusRow(current + step);
  else if (event.key === "ArrowRight" && expanded === false) tree?.onToggle(row);
  else if (event.key === "ArrowLeft" && expanded) tree?.onToggle(row);
  else if (event.key === "ArrowLeft" && tree) {
    const level = tree.level(row);
    focusRow(rows.findLastIndex((one, index) => index < current && tree.level(one) < level));
  } else if (event.key === "Enter" && onOpen) onOpen(row);
  else return;
  event.preventDefault();
}
