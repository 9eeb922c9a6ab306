/** The operations of a service, those that took most time first, with traces to look at. */

import { useMemo, useState } from "react";
import { Link } from "wouter";
import { formatCount, formatDuration, formatRate, formatShare } from "@/model/format";
import { shareOf } from "@/model/serviceMap";
import { Button } from "@/parts/Button";
import { ErrorShare } from "@/parts/ErrorShare";
import { Duration } from "@/parts/Figures";
import { sortRows, SortableTable, type Column, type Sort } from "@/parts/SortableTable";
import { linkTo, useUrl, type Changes } from "@/url/location";
import { readSort, sortParam } from "@/url/sort";
import type { TimeWindow } from "@/url/timeWindow";
import { tracesLink, type Counted, type OperationOverview } from "./requests";
import styles from "./ServicesPage.module.css";

const BY_IMPACT: Sort = { key: "impact", descending: true };
/** More rows make the table slow to sort; they are there when asked for. */
const FIRST_ROWS = 100;

interface OperationsTableProps {
  readonly operations: readonly OperationOverview[];
  readonly counted: Counted;
  readonly time: TimeWindow;
}

export function OperationsTable({ operations, counted, time }: OperationsTableProps) {
  const { params, change, link } = useUrl();
  const [isWhole, setWhole] = useState(false);
  const { service, operation, kind } = counted;
  const { seconds, params: range } = time;
  const sort = readSort(params.get("sort"), BY_IMPACT);
  const columns = useMemo(
    () => columnsOf({ operations, service, operation, kind, seconds, range, link }),
    [operations, service, operation, kind, seconds, range, link],
  );
  const sorted = sortRows(operations, columns, sort);
  const rows = isWhole ? sorted : sorted.slice(0, FIRST_ROWS);
  if (!operations.length) return null;
  return (
    <section className={styles.operations}>
      <div className={styles.filter}>
        <h2>Operations</h2>
        <p className={styles.note}>
          Impact is the share of all time spent in the service&rsquo;s spans
        </p>
      </div>
      <SortableTable
        caption={`Operations of ${service}`}
        columns={columns}
        rows={rows}
        rowKey={(row) => `${row.operation}\n${row.kind}`}
        sort={sort}
        onSort={(chosen) => change({ sort: sortParam(chosen, BY_IMPACT) }, { replace: true })}
      />
      {rows.length < operations.length ? (
        <p className={styles.actions}>
          <Button onClick={() => setWhole(true)}>Show all {operations.length} operations</Button>
        </p>
      ) : null}
    </section>
  );
}

interface ColumnsOptions extends Counted {
  readonly operations: readonly OperationOverview[];
  readonly seconds: number;
  readonly range: Changes;
  link(changes: Changes): string;
}

function columnsOf(options: ColumnsOptions): readonly Column<OperationOverview>[] {
  const { operations, seconds, range } = options;
  const total = operations.reduce((nanos, row) => nanos + row.total_nanos, 0);
  const traces = (row: OperationOverview, which: "all" | "failed" | "slow", nanos?: number) =>
    tracesLink({ ...row, service: options.service }, range, which, nanos);
  return [
    {
      key: "operation",
      title: "Operation",
      sortBy: (row) => row.operation,
      render: (row) => <OperationLink row={row} {...options} />,
    },
    { key: "kind", title: "Kind", sortBy: (row) => row.kind, render: (row) => row.kind || "–" },
    {
      key: "impact",
      title: "Impact",
      numeric: true,
      sortBy: (row) => row.total_nanos,
      render: (row) => (
        <Impact nanos={row.total_nanos} share={total ? row.total_nanos / total : 0} />
      ),
    },
    {
      key: "calls",
      title: "Calls",
      numeric: true,
      sortBy: (row) => row.calls,
      render: (row) => (
        <Link href={traces(row, "all")} title={formatRate(row.calls, seconds)}>
          {formatCount(row.calls)}
        </Link>
      ),
    },
    {
      key: "errors",
      title: "Errors",
      numeric: true,
      sortBy: (row) => shareOf(row.errors, row.calls),
      render: (row) => {
        const share = <ErrorShare errors={row.errors} calls={row.calls} />;
        return row.errors ? <Link href={traces(row, "failed")}>{share}</Link> : share;
      },
    },
    ...(["p50", "p95", "p99"] as const).map((name): Column<OperationOverview> => {
      const nanosOf = (row: OperationOverview) => row[`${name}_nanos`];
      return {
        key: name,
        title: name,
        numeric: true,
        sortBy: nanosOf,
        render: (row) => (
          <Link href={traces(row, "slow", nanosOf(row))}>
            <Duration nanos={nanosOf(row)} />
          </Link>
        ),
      };
    }),
    {
      key: "traces",
      title: "Traces",
      render: (row) => <Traces row={row} all={traces(row, "all")} />,
    },
  ];
}

function OperationLink({
  row,
  operation,
  kind,
  link,
}: Pick<ColumnsOptions, "operation" | "kind" | "link"> & { readonly row: OperationOverview }) {
  const isShown = row.operation === operation && (!kind || row.kind === kind);
  return (
    <Link
      href={link({ operation: row.operation, kind: row.kind, spanKind: null })}
      className={styles.operation}
      aria-current={isShown || undefined}
      title={row.operation}
    >
      {row.operation}
    </Link>
  );
}

function Impact({ nanos, share }: { readonly nanos: number; readonly share: number }) {
  return (
    <span className={styles.impact} title={`${formatDuration(nanos)} in all`}>
      <span className={styles.impactBar} aria-hidden>
        <span style={{ width: `${Math.max(share * 100, 1)}%` }} />
      </span>
      <span className={styles.impactShare}>{formatShare(share)}</span>
    </span>
  );
}

function Traces({ row, all }: { readonly row: OperationOverview; readonly all: string }) {
  const of = `trace of ${row.operation}`;
  // All spans of the operation are marked there.
  const marked = { uiFind: `"${row.operation}"` };
  return (
    <span className={styles.traces}>
      <Link
        href={linkTo(`/trace/${row.slowest_trace_id}`, { sel: row.slowest_span_id, ...marked })}
        aria-label={`Slowest ${of}`}
      >
        Slowest
      </Link>
      {row.failed_trace_id ? (
        <Link
          href={linkTo(`/trace/${row.failed_trace_id}`, { sel: row.failed_span_id, ...marked })}
          aria-label={`Newest failed ${of}`}
        >
          Failed
        </Link>
      ) : null}
      <Link href={all} aria-label={`All traces of ${row.operation}`}>
        All
      </Link>
    </span>
  );
}
