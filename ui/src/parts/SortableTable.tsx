/** A table whose columns can be sorted by a click on their head. */

import { ArrowDown, ArrowUp } from "lucide-react";
import type { ReactNode } from "react";
import styles from "./SortableTable.module.css";

export interface Column<Row> {
  readonly key: string;
  readonly title: string;
  /** Right-aligned, as numbers are read. */
  readonly numeric?: boolean;
  /** What the column is sorted by; a column without can't be. */
  readonly sortBy?: (row: Row) => number | string;
  readonly render: (row: Row) => ReactNode;
  readonly width?: string;
}

export interface Sort {
  readonly key: string;
  readonly descending: boolean;
}

interface SortableTableProps<Row> {
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => string;
  readonly sort: Sort | null;
  onSort(sort: Sort): void;
}

export function SortableTable<Row>(props: SortableTableProps<Row>) {
  const { caption, columns, rows, rowKey, sort, onSort } = props;
  return (
    <div className={styles.scroll} tabIndex={0} role="region" aria-label={caption}>
      <table className={styles.table}>
        <caption className="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <Head key={column.key} column={column} sort={sort} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {sortRows(rows, columns, sort).map((row) => (
            <tr key={rowKey(row)}>
              {columns.map((column) => (
                <td
                  key={column.key}
                  data-title={column.title}
                  className={column.numeric ? styles.numeric : undefined}
                >
                  {column.render(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Head<Row>({
  column,
  sort,
  onSort,
}: {
  readonly column: Column<Row>;
  readonly sort: Sort | null;
  onSort(sort: Sort): void;
}) {
  const sorted = sort?.key === column.key;
  const Arrow = sort?.descending ? ArrowDown : ArrowUp;
  return (
    <th
      scope="col"
      style={column.width ? { width: column.width } : undefined}
      className={column.numeric ? styles.numeric : undefined}
      aria-sort={sorted ? (sort.descending ? "descending" : "ascending") : undefined}
    >
      {column.sortBy ? (
        <button
          type="button"
          className={styles.head}
          onClick={() =>
            onSort({
              key: column.key,
              descending: sorted ? !sort.descending : Boolean(column.numeric),
            })
          }
        >
          {column.title}
          {sorted ? <Arrow size={12} aria-hidden /> : null}
        </button>
      ) : (
        column.title
      )}
    </th>
  );
}

/** Rows in the order of a sort; alike rows stay in theirs. */
export function sortRows<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  sort: Sort | null,
): readonly Row[] {
  const sortBy = columns.find((column) => column.key === sort?.key)?.sortBy;
  if (!sort || !sortBy) return rows;
  const direction = sort.descending ? -1 : 1;
  return rows.toSorted((one, other) => {
    const [a, b] = [sortBy(one), sortBy(other)];
    return direction * (a < b ? -1 : a > b ? 1 : 0);
  });
}
