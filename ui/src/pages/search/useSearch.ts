/**
 * The search of the page: read from the URL, changed by changing the URL.
 *
 * "The last hour" counts from when its entry of the history was made. Going back to it asks the same
 * question again, which is answered from the cache: the same rows, in the same order.
 */

import { useCallback, useMemo, useState } from "react";
import { asParameters, windowOf, type Window } from "@/model/timeRange";
import { useUrl } from "@/url/location";
import { readSearch, searchChanges, type Search } from "@/url/searchUrl";

/** What the server is asked for, whatever the order and page. */
export interface Question {
  readonly q: string;
  readonly start: string;
  readonly end: string;
}

export interface SearchState {
  readonly search: Search;
  readonly window: Window;
  readonly question: Question;
  /** Names this visit of the search, for what is to be found again when one comes back. */
  readonly visit: number;
  change(changes: Partial<Search>): void;
  /** Asks anew, up to this moment. */
  refresh(): void;
}

export function useSearch(): SearchState {
  const { params, change } = useUrl();
  const search = useMemo(() => readSearch(params), [params]);
  const [nowMicros, setNow] = useState(nowOfEntry);
  const [asked, setAsked] = useState(params);
  if (asked !== params) {
    setAsked(params);
    setNow(nowOfEntry());
  }
  const window = useMemo(() => windowOf(search.range, nowMicros), [search.range, nowMicros]);
  const refresh = useCallback(() => {
    forgetNow();
    setNow(nowOfEntry());
  }, []);
  const changeSearch = useCallback(
    (changes: Partial<Search>) => change(searchChanges(changes)),
    [change],
  );
  return useMemo(() => {
    const question = { q: search.line, ...asParameters(window) };
    return { search, window, question, visit: nowMicros, change: changeSearch, refresh };
  }, [search, window, nowMicros, changeSearch, refresh]);
}

interface EntryState {
  readonly search?: { readonly load: number; readonly nowMicros: number } | undefined;
}

/** Entries of the history outlive the page's load; a reload is to show what is new. */
const load = Math.random();

function nowOfEntry(): number {
  const state = (history.state ?? {}) as EntryState;
  if (state.search?.load === load) return state.search.nowMicros;
  const nowMicros = Date.now() * 1000;
  remember({ load, nowMicros });
  return nowMicros;
}

function forgetNow(): void {
  remember(undefined);
}

/** The router listens to `history.replaceState`; this is no navigation and passes it by. */
function remember(search: EntryState["search"]): void {
  const state = { ...(history.state as EntryState | null), search };
  History.prototype.replaceState.call(history, state, "");
}
