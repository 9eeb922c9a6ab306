/** Finds traces: one line of text or fields, pictures of what matches, and the traces themselves. */

import { SlidersHorizontal } from "lucide-react";
import { lazy, Suspense, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { useApi } from "@/api/client";
import { useSettings } from "@/app/settings";
import { useShortcuts } from "@/app/shortcuts";
import { addTerm, readTerms } from "@/model/searchLine";
import { asParameters, windowOf } from "@/model/timeRange";
import { Button } from "@/parts/Button";
import { TimeRangePicker } from "@/parts/TimeRangePicker";
import { embed } from "@/url/embed";
import { BUCKETS, Charts } from "./charts/Charts";
import { Chips } from "./Chips";
import { CompareBar } from "./CompareBar";
import { NamedTraces } from "./NamedTraces";
import { QueryLine } from "./QueryLine";
import { RecentSearches } from "./RecentSearches";
import { Results } from "./Results";
import { SearchForm } from "./SearchForm";
import { Syntax } from "./Syntax";
import { useSearch, type SearchState } from "./useSearch";
import { useFoundTraces, useLiveTraces, type FoundTraces, type LiveQuery } from "./useTraces";
import styles from "./SearchPage.module.css";

// Of the many visits only the first need it.
const FirstSteps = lazy(() => import("./FirstSteps"));

const COUNT_EVERY_MILLISECONDS = 10_000;

export default function SearchPage() {
  const state = useSearch();
  const { traceIds } = state.search;
  useEffect(() => {
    document.title = state.search.line ? `${state.search.line} – Ananta` : "Search – Ananta";
  }, [state.search.line]);
  return (
    <div className={styles.page}>
      {traceIds.length ? (
        <NamedTraces state={state} />
      ) : (
        <Found key={liveKey(state)} state={state} />
      )}
      <CompareBar />
    </div>
  );
}

/** Watching live ends with the search that was watched. */
function liveKey({ search: { range } }: SearchState): string {
  return "lookback" in range ? "relative" : "absolute";
}

function Found({ state }: { readonly state: SearchState }) {
  const [isLive, setLive] = useState(false);
  const found = useFoundTraces(state, !isLive);
  const live = useLiveTraces(state, isLive);
  const charted = useLiveQuestion(state, isLive);
  const services = useApi("/services", {});
  const counts = useApi("/histogram", { ...charted.question, buckets: BUCKETS }, { keep: true });
  const pages = found.data?.pages.flatMap((page) => page.traces) ?? [];
  const asked = isLive ? live : found;
  const traces = isLive ? (live.data?.traces ?? (live.isError ? [] : pages)) : pages;
  useRecentSearch(state.search.line, asked.isSuccess);
  useScrollBack(state.visit, traces.length > 0);
  const onEnter = useFocusOnRows(asked, state.search.line);
  const { refresh } = state;
  const { refetch } = services;
  if (services.data?.length === 0 && found.data && !traces.length) {
    return (
      <Suspense>
        <FirstSteps
          onLook={() => {
            refresh();
            void refetch();
          }}
        />
      </Suspense>
    );
  }
  const problem = asked.error?.status === 400 ? asked.error.message : null;
  return (
    <>
      {embed.embedded ? null : <Head state={state} problem={problem} onEnter={onEnter} />}
      {embed.hideGraph ? null : <Charts state={charted} traces={traces} />}
      <Results
        state={state}
        found={found}
        traces={traces}
        total={counts.isPlaceholderData ? undefined : counts.data?.total_traces}
        totalSpans={counts.isPlaceholderData ? undefined : counts.data?.total_spans}
        live={isLive ? live : null}
        onLive={(on) => {
          setLive(on);
          if (!on) refresh();
        }}
      />
    </>
  );
}

/** The search with a question that follows the time while it is watched live. */
function useLiveQuestion(state: SearchState, isLive: boolean): SearchState {
  const [now, setNow] = useState<number | null>(null);
  useEffect(() => {
    if (!isLive) return undefined;
    const timer = setInterval(() => {
      if (!document.hidden) setNow(Date.now() * 1000);
    }, COUNT_EVERY_MILLISECONDS);
    return () => {
      clearInterval(timer);
      setNow(null);
    };
  }, [isLive]);
  return useMemo(() => {
    if (now === null) return state;
    const window = windowOf(state.search.range, now);
    return { ...state, window, question: { q: state.search.line, ...asParameters(window) } };
  }, [state, now]);
}

/**
 * After Enter in the search line, moves the focus to the first row once there is an answer. It stays
 * where nothing was found, and where one has gone on writing or has gone elsewhere.
 */
function useFocusOnRows(asked: FoundTraces | LiveQuery, line: string): () => void {
  const isWanted = useRef(false);
  useEffect(() => {
    // Who clears the line has gone on, too.
    if (!line) isWanted.current = false;
    if (!isWanted.current || asked.isFetching) return;
    isWanted.current = false;
    // The rows are placed once the list knows where the window is; no later render calls it off.
    requestAnimationFrame(() => {
      const at = document.activeElement;
      const isLine = at instanceof HTMLInputElement && at.getAttribute("role") === "combobox";
      if (isLine ? at.value.trim() !== line : at !== document.body) return;
      const rows = '[aria-label="Results"] :is([role="table"], table)';
      document.querySelector<HTMLElement>(`${rows} a[href]`)?.focus();
    });
  });
  return () => {
    isWanted.current = true;
  };
}

/** A search that was answered is one to come back to. */
function useRecentSearch(line: string, answered: boolean): void {
  const addRecentSearch = useSettings((settings) => settings.addRecentSearch);
  useEffect(() => {
    if (answered && line) addRecentSearch(line);
  }, [answered, line, addRecentSearch]);
}

function Head({
  state,
  problem,
  onEnter,
}: {
  readonly state: SearchState;
  readonly problem: string | null;
  onEnter(): void;
}) {
  const { search, change } = state;
  const [open, setOpen] = useState(() => matchMedia("(min-width: 761px)").matches);
  const terms = readTerms(search.line);
  useShortcuts([
    {
      keys: ["/"],
      description: "Write into the search line",
      group: "Search",
      run: () => document.querySelector<HTMLInputElement>("main [role=combobox]")?.focus(),
    },
  ]);
  return (
    <header className={styles.head}>
      <h1 className="visually-hidden">Search for traces</h1>
      <QueryLine state={state} problem={problem} onEnter={onEnter}>
        <Syntax onPick={(written) => change({ line: addTerm(search.line, written) })} />
        <RecentSearches onPick={(line) => change({ line })} />
        <TimeRangePicker range={search.range} onChange={(range) => change({ range })} />
        <Button
          icon={<SlidersHorizontal size={14} aria-hidden />}
          pressed={open}
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          Fields
        </Button>
      </QueryLine>
      {open ? (
        <SearchForm state={state} />
      ) : terms.length ? (
        <Chips label="Conditions" terms={terms} state={state} />
      ) : null}
    </header>
  );
}

const scrolled = new Map<number, number>();

/** Scrolls to where the page was when it was left, once the list is there. */
function useScrollBack(visit: number, ready: boolean): void {
  useLayoutEffect(() => {
    if (!ready) return undefined;
    const before = scrolled.get(visit);
    if (before !== undefined) globalThis.scrollTo(0, before);
    const remember = () => scrolled.set(visit, globalThis.scrollY);
    globalThis.addEventListener("scroll", remember, { passive: true });
    return () => globalThis.removeEventListener("scroll", remember);
  }, [visit, ready]);
}
