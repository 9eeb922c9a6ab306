/** The map as a table: one line for each pair of services of which one calls the other. */

import { useMemo, type ReactNode } from "react";
import { formatCount, formatRate, rateUnit } from "@/model/format";
import { shareOf, type MapEdge, type MapNode, type ServiceMap } from "@/model/serviceMap";
import { ErrorShare } from "@/parts/ErrorShare";
import { Duration } from "@/parts/Figures";
import { SortableTable, type Column, type Sort } from "@/parts/SortableTable";
import { linkTo, useUrl, type Changes } from "@/url/location";
import { readSort, sortParam } from "@/url/sort";
import type { TimeWindow } from "@/url/timeWindow";
import { Link } from "wouter";
import { callTracesLink, canFindCalls, type Which } from "./links";
import styles from "./ServiceMapPage.module.css";

const BY_CALLS: Sort = { key: "calls", descending: true };

interface MapTableProps {
  readonly map: ServiceMap;
  readonly time: TimeWindow;
  readonly found: ReadonlySet<string> | null;
}

export function MapTable({ map, time, found }: MapTableProps) {
  const { params, change } = useUrl();
  const { seconds, params: range } = time;
  const columns = useMemo(() => columnsOf(map, seconds, range), [map, seconds, range]);
  const rows = found
    ? map.edges.filter((edge) => found.has(edge.caller) || found.has(edge.callee))
    : map.edges;
  return (
    <div className={styles.table}>
      <p className={styles.summary} role="status">
        {formatCount(map.nodes.length)} services, {formatCount(rows.length)} connections
      </p>
      <SortableTable
        caption="Calls between services"
        columns={columns}
        rows={rows}
        rowKey={(edge) => `${edge.caller}\n${edge.callee}`}
        sort={readSort(params.get("sort"), BY_CALLS)}
        onSort={(sort) => change({ sort: sortParam(sort, BY_CALLS) }, { replace: true })}
      />
    </div>
  );
}

function columnsOf(map: ServiceMap, seconds: number, range: Changes): readonly Column<MapEdge>[] {
  const nodes = new Map(map.nodes.map((node): [string, MapNode] => [node.service, node]));
  const linked = (edge: MapEdge, which: Which, figure: ReactNode) => {
    const callee = nodes.get(edge.callee);
    if (!canFindCalls(edge, callee)) return figure;
    return <Link href={callTracesLink(edge, callee, range, which)}>{figure}</Link>;
  };
  const unit = rateUnit(Math.max(0, ...map.edges.map(({ calls }) => calls)) / seconds);
  const service = (name: string) => (
    <Link href={linkTo("/dependencies", { service: name, sel: name, ...range })}>{name}</Link>
  );
  return [
    {
      key: "caller",
      title: "Caller",
      sortBy: (edge) => edge.caller,
      render: (edge) => service(edge.caller),
    },
    {
      key: "callee",
      title: "Called",
      sortBy: (edge) => edge.callee,
      render: (edge) => service(edge.callee),
    },
    {
      key: "calls",
      title: "Calls",
      numeric: true,
      sortBy: (edge) => edge.calls,
      render: (edge) => linked(edge, "all", formatCount(edge.calls)),
    },
    {
      key: "rate",
      title: "Rate",
      numeric: true,
      sortBy: (edge) => edge.calls,
      render: (edge) => formatRate(edge.calls, seconds, unit),
    },
    {
      key: "errors",
      title: "Errors",
      numeric: true,
      sortBy: (edge) => shareOf(edge.errors, edge.calls),
      render: (edge) =>
        edge.errors ? (
          linked(edge, "failed", <ErrorShare errors={edge.errors} calls={edge.calls} />)
        ) : (
          <ErrorShare errors={0} calls={edge.calls} />
        ),
    },
    {
      key: "p50",
      title: "p50",
      numeric: true,
      sortBy: (edge) => edge.p50_nanos,
      render: (edge) => <Duration nanos={edge.p50_nanos} />,
    },
    {
      key: "p95",
      title: "p95",
      numeric: true,
      sortBy: (edge) => edge.p95_nanos,
      render: (edge) => linked(edge, "slow", <Duration nanos={edge.p95_nanos} />),
    },
  ];
}
