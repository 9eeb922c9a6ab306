/** The exceptions that most spans of a service record, each with its spans and the newest of them. */

import { useMemo, useState } from "react";
import { Link } from "wouter";
import { useApi } from "@/api/client";
import { formatCount } from "@/model/format";
import { formatAge } from "@/model/time";
import { Button } from "@/parts/Button";
import { Time } from "@/parts/Figures";
import { SortableTable, type Column } from "@/parts/SortableTable";
import { Failure } from "@/parts/States";
import { linkTo } from "@/url/location";
import type { TimeWindow } from "@/url/timeWindow";
import { exceptionLink, type ExceptionOverview, type Narrowed } from "./requests";
import styles from "./ServicesPage.module.css";

const FIRST_ROWS = 5;

interface ExceptionsTableProps {
  readonly counted: Narrowed;
  readonly time: TimeWindow;
}

export function ExceptionsTable({ counted, time }: ExceptionsTableProps) {
  const [isWhole, setWhole] = useState(false);
  const asked = { ...counted, ...time.question };
  const { data, error, refetch } = useApi("/services/exceptions", asked, { keep: true });
  const columns = useMemo(() => columnsOf(counted, time), [counted, time]);
  if (!data) return error ? <Failure error={error} retry={() => void refetch()} /> : null;
  const { exceptions } = data;
  if (!exceptions.length) return null;
  return (
    <section className={styles.operations}>
      <div className={styles.filter}>
        <h2>Exceptions</h2>
        {data.start_micros > time.window.start ? (
          <p className={styles.note}>
            There are very many: counted since{" "}
            <Time micros={data.start_micros} precision="second" />
          </p>
        ) : null}
      </div>
      <SortableTable
        caption={`Exceptions of ${counted.service}`}
        columns={columns}
        rows={isWhole ? exceptions : exceptions.slice(0, FIRST_ROWS)}
        rowKey={({ type, message }) => `${type}\n${message}`}
        sort={null}
        onSort={() => {}}
      />
      {isWhole || exceptions.length <= FIRST_ROWS ? null : (
        <p className={styles.actions}>
          <Button onClick={() => setWhole(true)}>Show all {exceptions.length} exceptions</Button>
        </p>
      )}
    </section>
  );
}

function columnsOf(counted: Narrowed, time: TimeWindow): readonly Column<ExceptionOverview>[] {
  return [
    {
      key: "exception",
      title: "Exception",
      width: "100%",
      render: (row) => <Exception {...row} />,
    },
    {
      key: "spans",
      title: "Spans",
      numeric: true,
      render: (row) => (
        <Link href={exceptionLink(counted, time.params, row)}>{formatCount(row.spans)}</Link>
      ),
    },
    {
      key: "last",
      title: "Last seen",
      numeric: true,
      render: (row) => {
        const age = formatAge(row.last_micros, time.window.end);
        return (
          <Link
            href={linkTo(`/trace/${row.trace_id}`, { sel: row.span_id })}
            className={styles.age}
            aria-label={`${age}: newest span with ${row.type || row.message}`}
          >
            {age}
          </Link>
        );
      },
    },
  ];
}

function Exception({ type, message, messages }: ExceptionOverview) {
  return (
    <span className={styles.exception} title={[type, message].filter(Boolean).join(": ")}>
      {type ? <b>{type}</b> : null} {message}
      {messages > 1 ? (
        <span className={styles.note}>
          {" "}
          and {formatCount(messages - 1)} more that differ in numbers
        </span>
      ) : null}
    </span>
  );
}
