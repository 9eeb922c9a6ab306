/** The traces whose ids a link names, instead of a search. */

import { Button } from "@/parts/Button";
import { Failure, Loading, Notice } from "@/parts/States";
import { embed } from "@/url/embed";
import { TraceScatter } from "./charts/TraceScatter";
import { TraceTable } from "./TraceTable";
import type { SearchState } from "./useSearch";
import { useNamedTraces } from "./useTraces";
import { linkTo, useUrl } from "@/url/location";
import styles from "./Results.module.css";

export function NamedTraces({ state: { search, change } }: { readonly state: SearchState }) {
  const { go } = useUrl();
  const { data, error, refetch } = useNamedTraces(search.traceIds);
  return (
    <section className={styles.results} aria-label="Results">
      <div className={styles.toolbar}>
        <h1 className={styles.count} aria-live="polite">
          {search.traceIds.length} traces named by the link
        </h1>
        <Button onClick={() => change({ traceIds: [] })}>Search instead</Button>
      </div>
      {data?.problems.map((problem) => (
        <Notice key={problem}>{problem}</Notice>
      ))}
      {error ? <Failure error={error} retry={() => void refetch()} /> : null}
      {!data && !error ? <Loading label="Reading the traces" /> : null}
      {data?.traces.length ? (
        <>
          {embed.hideGraph ? null : (
            <TraceScatter
              traces={data.traces}
              onOpen={(trace) => go(linkTo(`/trace/${trace.trace_id}`))}
            />
          )}
          <TraceTable traces={data.traces} order="newest" find="" />
        </>
      ) : null}
    </section>
  );
}
