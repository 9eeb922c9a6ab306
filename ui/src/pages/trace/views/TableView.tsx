/** The spans as a table: any attribute as a column, sorted by any, filtered, exported as CSV. */

import { CircleAlert, Columns3, Download } from "lucide-react";
import { useDeferredValue, useMemo, useState } from "react";
import {
  attributeColumn,
  attributeKeys,
  fieldColumns,
  filterSpans,
  sortSpans,
  spansToCsv,
  type SpanColumn,
} from "@/model/spanTable";
import { at } from "@/model/trace";
import { nameOf, serviceOf } from "@/model/traceData";
import { Button } from "@/parts/Button";
import { download } from "@/parts/download";
import { CheckBox, TextField } from "@/parts/Field";
import { Duration } from "@/parts/Figures";
import { Popover } from "@/parts/Popover";
import { ServiceMark } from "@/parts/ServiceMark";
import type { Sort } from "@/parts/SortableTable";
import { VirtualTable, type VirtualColumn } from "@/parts/VirtualTable";
import { useUrl } from "@/url/location";
import type { ViewProps } from "./props";
import { describeCount, describeFilter, useMatches, useShownRows } from "./shownRows";
import styles from "./View.module.css";

export default function TableView(props: ViewProps) {
  const { trace, selected, onSelect } = props;
  const { params, change } = useUrl();
  const keys = params.getAll("col").join("\n");
  const columns = useMemo(
    () => [
      ...fieldColumns(trace),
      ...(keys ? keys.split("\n").map((key) => attributeColumn(trace, key)) : []),
    ],
    [trace, keys],
  );
  const sort = readSort(params.get("sort"));
  const [text, setText] = useState("");
  const filter = useDeferredValue(text);
  const all = useShownRows(props);
  const matches = useMatches(props);
  const rows = useMemo(() => {
    const filtered = filterSpans(all, columns, filter);
    const by = columns.find(({ key }) => key === sort?.key);
    return by && sort ? sortSpans(filtered, by, sort.descending) : filtered;
    // eslint-disable-next-line react-hooks/exhaustive-deps -- a sort is what it says, not an object
  }, [all, columns, filter, sort?.key, sort?.descending]);
  return (
    <section className={styles.view} aria-label="Table of spans">
      <div className={styles.tools}>
        <TextField
          label="Filter spans"
          hideLabel
          type="search"
          placeholder="Filter these columns"
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <ColumnChoice
          known={useMemo(() => attributeKeys(trace), [trace])}
          chosen={params.getAll("col")}
          onChange={(col) => change({ col }, { replace: true })}
        />
        <Button
          icon={<Download size={14} aria-hidden />}
          onClick={() =>
            download(`trace-${trace.traceId}.csv`, "text/csv", [spansToCsv(trace, rows, columns)])
          }
        >
          CSV
        </Button>
        <span className={styles.count} role="status">
          {describeFilter(props)}
          {describeCount(rows.length, trace.count, "span")}
        </span>
      </div>
      <VirtualTable
        caption="Spans"
        columns={columns.map((column) => shownColumn(column, props))}
        rows={rows}
        rowKey={(row) => row}
        sort={sort}
        onSort={({ key, descending }) =>
          change({ sort: (descending ? "-" : "") + key }, { replace: true })
        }
        selected={(row) => row === selected}
        marked={(row) => matches?.[row] === 1}
        onOpen={(row) => onSelect(row)}
        empty="No span has all of these words in a column shown."
      />
    </section>
  );
}

/** As in the URL: the column's key, behind a minus where it descends. */
function readSort(text: string | null): Sort | null {
  if (!text) return null;
  return { key: text.replace(/^-/, ""), descending: text.startsWith("-") };
}

const WIDTHS: Readonly<Record<string, readonly [width: number, grow: number]>> = {
  service: [150, 1],
  operation: [180, 3],
  start: [96, 0],
  duration: [96, 0],
  self: [96, 0],
  kind: [84, 0],
  status: [80, 0],
};

function shownColumn(column: SpanColumn, { trace, colors }: ViewProps): VirtualColumn<number> {
  const [width, grow] = WIDTHS[column.key] ?? [140, 1];
  const renderers: Record<string, (row: number) => React.ReactNode> = {
    service: (row) => (
      <span className={styles.name}>
        <ServiceMark color={colors.get(serviceOf(trace, row))!} />
        <span>{serviceOf(trace, row)}</span>
      </span>
    ),
    operation: (row) => <span className={styles.clip}>{nameOf(trace, row)}</span>,
    start: (row) => <Duration nanos={at(trace.start, row) - trace.begin} />,
    duration: (row) => <Duration nanos={at(trace.duration, row)} />,
    self: (row) => <Duration nanos={at(trace.self, row)} />,
    status: (row) =>
      trace.status(row) === "error" ? (
        <span className={styles.error} title={trace.statusMessage(row)}>
          <CircleAlert size={13} aria-hidden />
          error
        </span>
      ) : (
        trace.status(row)
      ),
  };
  return {
    key: column.key,
    title: column.title,
    ...(column.key === "start" ? { hint: "Since the start of the trace" } : {}),
    numeric: column.numeric,
    sortable: true,
    width,
    grow,
    render:
      renderers[column.key] ??
      ((row) => (
        <span className={styles.clip} title={String(column.value(row))}>
          {column.value(row)}
        </span>
      )),
  };
}

const MAX_SHOWN_KEYS = 200;

function ColumnChoice({
  known,
  chosen,
  onChange,
}: {
  readonly known: readonly string[];
  readonly chosen: readonly string[];
  onChange(chosen: readonly string[]): void;
}) {
  const [text, setText] = useState("");
  const fitting = [...new Set([...chosen, ...known])]
    .filter((key) => key.toLowerCase().includes(text.trim().toLowerCase()))
    .slice(0, MAX_SHOWN_KEYS);
  return (
    <Popover
      label={chosen.length ? `Columns (+${chosen.length})` : "Columns"}
      icon={<Columns3 size={14} aria-hidden />}
    >
      {() => (
        <div className={styles.choice}>
          <TextField
            label="Attributes as columns"
            placeholder="Find an attribute"
            data-autofocus
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
          />
          <div className={styles.choices}>
            {fitting.map((key) => (
              <CheckBox
                key={key}
                label={key}
                checked={chosen.includes(key)}
                onChange={(event) =>
                  onChange(
                    event.currentTarget.checked
                      ? [...chosen, key]
                      : chosen.filter((one) => one !== key),
                  )
                }
              />
            ))}
            {fitting.length ? null : <p className={styles.muted}>No attribute has that name.</p>}
          </div>
        </div>
      )}
    </Popover>
  );
}
