/** All services in a table that can be sorted and filtered. */

import { Activity } from "lucide-react";
import { useMemo } from "react";
import { Link } from "wouter";
import { useApi } from "@/api/client";
import { listColors } from "@/model/colors";
import { formatCount, formatRate, rateUnit } from "@/model/format";
import { shareOf } from "@/model/serviceMap";
import { formatAge } from "@/model/time";
import { Button, ButtonLink } from "@/parts/Button";
import { ErrorShare } from "@/parts/ErrorShare";
import { TextField } from "@/parts/Field";
import { Duration, Time } from "@/parts/Figures";
import { ServiceMark } from "@/parts/ServiceMark";
import { SortableTable, type Column, type Sort } from "@/parts/SortableTable";
import { Empty } from "@/parts/States";
import { linkTo, useUrl } from "@/url/location";
import { readSort, sortParam } from "@/url/sort";
import type { TimeWindow } from "@/url/timeWindow";
import { tracesLink, type ServiceOverview } from "./requests";
import { Sparkline } from "./Sparkline";
import styles from "./ServicesPage.module.css";

const BY_NAME: Sort = { key: "service", descending: false };

interface ServicesTableProps {
  readonly services: readonly ServiceOverview[];
  readonly time: TimeWindow;
}

export function ServicesTable({ services, time }: ServicesTableProps) {
  const { params, change } = useUrl();
  const filter = params.get("filter") ?? "";
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = services.filter(({ service }) =>
    words.every((word) => service.toLowerCase().includes(word)),
  );
  const { data: all } = useApi("/services", {});
  const columns = useMemo(() => columnsOf(services, all, time), [services, all, time]);
  if (!services.length) {
    return (
      <Empty title="No service has sent a span yet" icon={<Activity size={28} aria-hidden />}>
        <p>Point an OpenTelemetry SDK at this server; its services appear here.</p>
        <p className={styles.actions}>
          <ButtonLink href={linkTo("/pipeline")}>How to send spans</ButtonLink>
        </p>
      </Empty>
    );
  }
  return (
    <>
      <div className={styles.filter}>
        <TextField
          label="Filter by name"
          hideLabel
          type="search"
          placeholder="Filter by name"
          value={filter}
          onChange={(event) => change({ filter: event.currentTarget.value }, { replace: true })}
        />
        <p role="status" className={styles.note}>
          {filter ? `${rows.length} of ${services.length} services` : `${services.length} services`}
        </p>
      </div>
      {rows.length ? (
        <SortableTable
          caption="Services"
          columns={columns}
          rows={rows}
          rowKey={(row) => row.service}
          sort={readSort(params.get("sort"), BY_NAME)}
          onSort={(sort) => change({ sort: sortParam(sort, BY_NAME) }, { replace: true })}
        />
      ) : (
        <Empty title={`No service has “${filter}” in its name`}>
          <Button onClick={() => change({ filter: null })}>Show all services</Button>
        </Empty>
      )}
    </>
  );
}

function columnsOf(
  services: readonly ServiceOverview[],
  all: readonly string[] | undefined,
  time: TimeWindow,
): readonly Column<ServiceOverview>[] {
  const colors = listColors(
    services.map(({ service }) => service),
    all,
  );
  const range = time.params;
  const most = Math.max(0, ...services.map(({ requests }) => requests));
  const unit = rateUnit(most / time.seconds);
  return [
    {
      key: "service",
      title: "Service",
      sortBy: (row) => row.service,
      render: (row) => (
        <Link
          href={linkTo("/services", { service: row.service, ...range })}
          className={styles.name}
        >
          <ServiceMark color={colors.get(row.service)!} />
          {row.service}
        </Link>
      ),
    },
    {
      key: "last",
      title: "Last span",
      numeric: true,
      sortBy: (row) => row.last_span_micros,
      render: (row) => <LastSpan micros={row.last_span_micros} now={time.window.end} />,
    },
    {
      key: "rate",
      title: "Requests",
      numeric: true,
      sortBy: (row) => row.requests,
      render: (row) => (
        <span className={styles.rate}>
          {row.requests ? (
            <Link
              href={tracesLink(row, range, "all")}
              title={`${formatCount(row.requests)} requests`}
            >
              {formatRate(row.requests, time.seconds, unit)}
            </Link>
          ) : (
            <span className={styles.note}>none</span>
          )}
          <Sparkline counts={row.rate} />
        </span>
      ),
    },
    {
      key: "errors",
      title: "Errors",
      numeric: true,
      sortBy: (row) => shareOf(row.errors, row.requests),
      render: (row) => <Errors row={row} link={tracesLink(row, range, "failed")} />,
    },
    ...(["p50", "p95", "p99"] as const).map((name): Column<ServiceOverview> => {
      const nanosOf = (row: ServiceOverview) => row[`${name}_nanos`];
      return {
        key: name,
        title: name,
        numeric: true,
        sortBy: nanosOf,
        render: (row) =>
          row.requests ? (
            <Link href={tracesLink(row, range, "slow", nanosOf(row))}>
              <Duration nanos={nanosOf(row)} />
            </Link>
          ) : (
            "–"
          ),
      };
    }),
    {
      key: "version",
      title: "Version",
      sortBy: (row) => row.versions[0] ?? "",
      render: (row) => <Versions versions={row.versions} />,
    },
    { key: "sdk", title: "SDK", sortBy: (row) => row.sdk, render: (row) => row.sdk || "–" },
    {
      key: "spans",
      title: "Spans",
      numeric: true,
      sortBy: (row) => row.spans,
      render: (row) =>
        row.spans ? (
          <Link href={linkTo("/search", { service: row.service, ...range })}>
            {formatCount(row.spans)}
          </Link>
        ) : (
          "0"
        ),
    },
  ];
}

function Errors({ row, link }: { readonly row: ServiceOverview; readonly link: string }) {
  if (!row.requests) return "–";
  const share = <ErrorShare errors={row.errors} calls={row.requests} />;
  return row.errors ? <Link href={link}>{share}</Link> : share;
}

export function LastSpan({ micros, now }: { readonly micros: number; readonly now: number }) {
  if (!micros) return "–";
  return (
    <span className={styles.age}>
      {formatAge(micros, now)}
      <span className="visually-hidden">
        , <Time micros={micros} />
      </span>
    </span>
  );
}

export function Versions({ versions }: { readonly versions: readonly string[] }) {
  const [newest, ...others] = versions;
  if (!newest) return "–";
  return (
    <span title={versions.join(", ")} className={styles.version}>
      {newest}
      {others.length ? <span className={styles.note}> and {others.length} more</span> : null}
    </span>
  );
}
