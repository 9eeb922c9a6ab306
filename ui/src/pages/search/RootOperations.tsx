/** All traces that match, summed up by the operation they begin with. */

import { useState } from "react";
import { Link } from "wouter";
import { useApi, type Answers } from "@/api/client";
import { formatCount, formatShare } from "@/model/format";
import { withField } from "@/model/searchLine";
import { Duration } from "@/parts/Figures";
import { SortableTable, type Column, type Sort } from "@/parts/SortableTable";
import { Failure, Loading } from "@/parts/States";
import { linkTo, useUrl } from "@/url/location";
import { searchChanges, type Search } from "@/url/searchUrl";
import { NoMatch } from "./NoMatch";
import type { SearchState } from "./useSearch";

type Group = Answers["RootOperation"];

export function RootOperations({ state }: { readonly state: SearchState }) {
  const { link } = useUrl();
  const [sort, setSort] = useState<Sort>({ key: "traces", descending: true });
  const { data, error, refetch } = useApi("/root-operations", state.question);
  if (error) {
    return error.status === 400 ? null : <Failure error={error} retry={() => void refetch()} />;
  }
  if (!data) return <Loading label="Summing up" />;
  if (!data.length) return <NoMatch state={state} />;
  const tracesOf = (group: Group, more: Partial<Search> = {}) => {
    const service = withField(state.search.line, "service", group.service);
    const line = withField(service, "operation", group.operation);
    return link(searchChanges({ line, grouped: false, ...more }));
  };
  return (
    <SortableTable
      caption="Traces by the operation they begin with"
      columns={columnsOf(tracesOf)}
      rows={data}
      rowKey={({ service, operation }) => `${service}\n${operation}`}
      sort={sort}
      onSort={setSort}
    />
  );
}

function columnsOf(
  tracesOf: (group: Group, more?: Partial<Search>) => string,
): readonly Column<Group>[] {
  const duration = (key: "p50_nanos" | "p95_nanos", title: string): Column<Group> => ({
    key,
    title,
    numeric: true,
    sortBy: (group) => group[key],
    render: (group) => <Duration nanos={group[key]} />,
  });
  return [
    {
      key: "operation",
      title: "Begins with",
      sortBy: ({ service, operation }) => `${service} ${operation}`,
      render: (group) =>
        group.service ? (
          <Link href={tracesOf(group)}>
            <b>{group.service}</b> {group.operation}
          </Link>
        ) : (
          <i>Traces without their root span</i>
        ),
    },
    {
      key: "traces",
      title: "Traces",
      numeric: true,
      sortBy: ({ traces }) => traces,
      render: (group) =>
        group.service ? (
          <Link href={tracesOf(group)}>{formatCount(group.traces)}</Link>
        ) : (
          formatCount(group.traces)
        ),
    },
    {
      key: "errors",
      title: "With errors",
      numeric: true,
      sortBy: ({ errors }) => errors,
      render: (group) =>
        group.errors && group.service ? (
          <Link href={tracesOf(group, { order: "errors" })}>
            {formatCount(group.errors)} ({formatShare(group.errors / group.traces)})
          </Link>
        ) : (
          group.errors || ""
        ),
    },
    duration("p50_nanos", "p50"),
    duration("p95_nanos", "p95"),
    {
      key: "max_nanos",
      title: "Slowest",
      numeric: true,
      sortBy: ({ max_nanos: longest }) => longest,
      render: (group) => (
        <Link href={linkTo(`/trace/${group.slowest_trace_id}`)} title="Open the slowest trace">
          <Duration nanos={group.max_nanos} />
        </Link>
      ),
    },
  ];
}
