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
  const stored = new Set(data?.map((trace) => trace.trace_id));
  const isMissing = (id: string) => !stored.has(id.toLowerCase().padStart(32, "0"));
  const missing = data ? search.traceIds.filter(isMissing) : [];
  return (
    <section className={styles.results} aria-label="Results">
      <div className={styles.toolbar}>
        <h1 className={styles.count} aria-live="polite">
          {search.traceIds.length} traces named by the link
        </h1>
        <Button onClick={() => change({ traceIds: [] })}>Search instead</Button>
      </div>
      {missing.length ? <Notice>Not stored: {missing.join(", ")}</Notice> : null}
      {error ? <Failure error={error} retry={() => void refetch()} /> : null}
      {!data && !error ? <Loading label="Reading the traces" /> : null}
      {data?.length ? (
        <>
          {embed.hideGraph ? null : (
            <TraceScatter
              traces={data}
              onOpen={(trace) => go(linkTo(`/trace/${trace.trace_id}`))}
            />
          )}
          <TraceTable traces={data} order="newest" find="" />
        </>
      ) : null}
    </section>
  );
}
