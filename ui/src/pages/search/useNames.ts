/** Keys of attributes and their values in the data: first the common ones, then those looked for. */

import { useEffect, useState } from "react";
import { useApi, type Answers } from "@/api/client";

const MOST = 100;
const PAUSE_MILLISECONDS = 120;

interface Found<T> {
  readonly found: readonly T[];
  readonly loading: boolean;
}

/** Names with a text in them: at once among the first hundred, then among all. */
export function useNames(
  text: string,
  service: string,
  enabled: boolean,
): Found<Answers["AttributeKey"]> {
  const prefix = usePaused(text);
  const common = useApi("/attributes/keys", { service, limit: MOST }, { enabled });
  const named = useApi(
    "/attributes/keys",
    { prefix, service, limit: MOST },
    { enabled: enabled && prefix !== "" },
  );
  const known = prefix && named.data ? named.data : (common.data ?? []);
  return {
    found: known.filter(({ key }) => has(key, text)),
    loading: common.isFetching || named.isFetching || prefix !== text,
  };
}

export interface ValuesOf {
  /** A name of the query language; nothing is asked while it is empty. */
  readonly key: string;
  readonly text: string;
  readonly service: string;
  readonly window: { readonly start: string; readonly end: string };
}

/** Values with a text in them: at once among the most frequent, then among all. */
export function useValues({
  key,
  text,
  service,
  window,
}: ValuesOf): Found<Answers["AttributeValue"]> {
  const prefix = usePaused(text);
  const common = { key, ...window, ...(key === "service" ? {} : { service }), limit: String(MOST) };
  const frequent = useApi("/attributes/values", common, { enabled: key !== "" });
  const named = useApi(
    "/attributes/values",
    { ...common, prefix },
    { enabled: key !== "" && prefix !== "" },
  );
  const known = prefix && named.data ? named.data : (frequent.data ?? []);
  return {
    found: known.filter(({ value }) => has(value, text)),
    loading: frequent.isFetching || named.isFetching || prefix !== text,
  };
}

/** Which spans the numbers beside values are of. */
export function countedAmong(service: string): string {
  return `counted among the newest 100,000 spans${service && ` of ${service}`}`;
}

function has(word: string, text: string): boolean {
  return word.toLowerCase().includes(text.toLowerCase());
}

/** A text once it has not changed for a moment. */
function usePaused(text: string): string {
  const [paused, setPaused] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setPaused(text), PAUSE_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [text]);
  return paused;
}
