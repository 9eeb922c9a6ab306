/** What was found: a list of traces, or the operations they begin with. */

import { ListTree, Radio, RefreshCw, Rows3 } from "lucide-react";
import { useMemo, type ReactNode } from "react";
import type { ApiError } from "@/api/client";
import { formatCount } from "@/model/format";
import { fieldOf, readTerms, writeLiteral } from "@/model/searchLine";
import type { TraceSummary } from "@/model/scatter";
import { Button, IconButton } from "@/parts/Button";
import { SelectField } from "@/parts/Field";
import { Failure, Loading, Notice } from "@/parts/States";
import { DEFAULT_LIMIT, ORDERS, type Order } from "@/url/searchUrl";
import { NoMatch } from "./NoMatch";
import { RootOperations } from "./RootOperations";
import { TraceTable } from "./TraceTable";
import type { SearchState } from "./useSearch";
import type { FoundTraces, LiveQuery } from "./useTraces";
import styles from "./Results.module.css";

interface ResultsProps {
  readonly state: SearchState;
  readonly found: FoundTraces;
  readonly traces: readonly TraceSummary[];
  /** Of all traces that match; undefined until it is known. */
  readonly total: number | undefined;
  /** Spans that match, in all of them. */
  readonly totalSpans: number | undefined;
  /** Null unless the traces are watched live. */
  readonly live: LiveQuery | null;
  onLive(on: boolean): void;
}

export function Results(props: ResultsProps) {
  const { state, found, traces, total, totalSpans, live, onLive } = props;
  const { search, change } = state;
  const fresh = useMemo(() => new Set(live?.data?.fresh), [live?.data?.fresh]);
  const find = useMemo(() => wordsToFind(search.line), [search.line]);
  const more = found.hasNextPage && !live;
  const asked = live ?? found;
  return (
    <section className={styles.results} aria-label="Results">
      <div className={styles.toolbar}>
        <div className={styles.found} aria-live="polite">
          <h2 className={styles.count}>
            {heading({ state, found, shown: traces.length, total, live })}
          </h2>
          {totalSpans && !live ? <span>{written(totalSpans, "matching span")}</span> : null}
        </div>
        <Tools state={state} live={live !== null} onLive={onLive} />
      </div>
      {asked.error && traces.length ? <Notice tone="error">{asked.error.message}</Notice> : null}
      {search.grouped && !live ? (
        <RootOperations state={state} />
      ) : (
        <List asked={asked} isEmpty={!traces.length} state={state}>
          <TraceTable
            traces={traces}
            order={live ? "newest" : search.order}
            fresh={fresh}
            find={find}
            {...(live ? {} : { onOrder: (order: Order) => change({ order }) })}
          />
          {more ? (
            <Button
              className={styles.more}
              disabled={found.isFetchingNextPage}
              onClick={() => void found.fetchNextPage()}
            >
              {found.isFetchingNextPage ? "Loading…" : `Load ${search.limit} more`}
            </Button>
          ) : null}
        </List>
      )}
    </section>
  );
}

function List({
  asked,
  isEmpty,
  state,
  children,
}: {
  readonly asked: FoundTraces | LiveQuery;
  readonly isEmpty: boolean;
  readonly state: SearchState;
  readonly children: ReactNode;
}) {
  if (!isEmpty) {
    return (
      <div
        className={styles.list}
        data-stale={asked.isPlaceholderData || undefined}
        aria-busy={asked.isPlaceholderData}
      >
        {children}
      </div>
    );
  }
  if (asked.isPending) return <Loading label="Searching" lines={12} />;
  if (asked.isSuccess) return <NoMatch state={state} />;
  // What is wrong with the line is told there.
  if (asked.error.status === 400) return null;
  return <Failure error={asked.error} retry={() => void asked.refetch()} />;
}

/** Until there is an answer. */
function beginning(error: ApiError | null): string {
  if (!error) return "Searching…";
  return error.status === 400 ? "Query not valid" : "No answer";
}

/** `20 of 4,213 traces`; that there are more where the total is not known. */
function heading({
  state,
  found,
  shown,
  total,
  live,
}: Pick<ResultsProps, "state" | "found" | "total" | "live"> & { readonly shown: number }): string {
  const asked = live ?? found;
  if (!shown && !asked.isSuccess) return beginning(asked.error);
  if (live) return `The newest ${written(shown, "trace")}, live`;
  if (state.search.grouped) return total === undefined ? "Traces" : written(total, "trace");
  if (!found.hasNextPage) return written(shown, "trace");
  if (total === undefined || total <= shown) return `${written(shown, "trace")}, more exist`;
  return `${formatCount(shown)} of ${written(total, "trace")}`;
}

function written(count: number, what: string): string {
  return `${count.toLocaleString("en-US")} ${what}${count === 1 ? "" : "s"}`;
}

/** Values of attributes that were searched for, as the trace page finds them. */
function wordsToFind(line: string): string {
  return readTerms(line)
    .flatMap(({ comparison }) => {
      if (!comparison || comparison.operator !== "=" || fieldOf(comparison.name)) return [];
      if (comparison.value.includes("*")) return [];
      const { name, value } = comparison;
      const key = name.replace(/^(span|resource|scope)\./, "");
      return [/\s/.test(value) ? writeLiteral(`${key}=${value}`) : `${key}=${value}`];
    })
    .join(" ");
}

const ORDER_TEXTS: Record<Order, string> = {
  newest: "Newest first",
  oldest: "Oldest first",
  longest: "Longest first",
  errors: "Most errors first",
  spans: "Most spans first",
};
const LIMITS = [20, 50, 100, 200, 500];

function Tools({
  state: { search, change, refresh },
  live,
  onLive,
}: {
  readonly state: SearchState;
  readonly live: boolean;
  onLive(on: boolean): void;
}) {
  const limits = [...new Set([...LIMITS, DEFAULT_LIMIT, search.limit])].sort((a, b) => a - b);
  const relative = "lookback" in search.range;
  return (
    <div className={styles.tools}>
      <SelectField
        label="Order"
        hideLabel
        value={search.order}
        disabled={live || search.grouped}
        options={ORDERS.map((order) => [order, ORDER_TEXTS[order]] as const)}
        onChange={(event) => change({ order: event.currentTarget.value as Order })}
      />
      <SelectField
        label="Traces on a page"
        hideLabel
        title="Traces on a page"
        disabled={search.grouped}
        value={String(search.limit)}
        options={limits.map((limit) => [String(limit), `${limit} a page`] as const)}
        onChange={(event) => change({ limit: Number(event.currentTarget.value) })}
      />
      <div className={styles.pair} role="group" aria-label="Show">
        <Button
          icon={<Rows3 size={14} aria-hidden />}
          pressed={!search.grouped}
          onClick={() => change({ grouped: false })}
        >
          Traces
        </Button>
        <Button
          icon={<ListTree size={14} aria-hidden />}
          pressed={search.grouped}
          disabled={live}
          onClick={() => change({ grouped: true })}
        >
          By operation
        </Button>
      </div>
      <Button
        icon={<Radio size={14} aria-hidden />}
        pressed={live}
        disabled={!relative}
        title={
          relative
            ? "Show the newest traces every two seconds"
            : "Choose a range such as the last hour to watch it live"
        }
        onClick={() => onLive(!live)}
      >
        Live
      </Button>
      <IconButton
        label="Search again, up to now"
        icon={<RefreshCw size={14} />}
        disabled={live}
        onClick={refresh}
      />
    </div>
  );
}
