/** Keeps the address bar what is seen, a moment later, and follows it when it changes otherwise. */

import { useEffect, useRef } from "react";
import { useUrl, type Changes } from "@/url/location";
import { readView, reveal, writeView, type TraceView } from "./store";

const PAUSE_MILLISECONDS = 150;
const NAMES = ["sel", "t0", "t1", "uiFind", "hide", "only", "min"] as const;

export function useUrlSync(view: TraceView): void {
  const url = useUrl();
  const { params } = url;
  const latest = useRef(url);
  const written = useRef(summary(params));
  const isWaiting = useRef(false);
  useEffect(() => {
    latest.current = url;
  }, [url]);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const write = () => {
      isWaiting.current = false;
      const changes: Changes = writeView(view.trace, view.store.getState());
      const target = new URL(latest.current.link(changes), globalThis.location.href);
      const next = summary(target.searchParams);
      if (next === written.current) return;
      written.current = next;
      latest.current.change(changes, { replace: true });
    };
    const writeLater = () => {
      isWaiting.current = true;
      clearTimeout(timer);
      timer = setTimeout(write, PAUSE_MILLISECONDS);
    };
    // A trace that was reloaded takes over what was not written of the one before.
    if (isWaiting.current) writeLater();
    const stop = view.store.subscribe(writeLater);
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [view]);
  useEffect(() => {
    const now = summary(params);
    if (now === written.current) return;
    written.current = now;
    const read = readView(view.trace, params);
    view.store.setState(read);
    if (read.selected !== null) reveal(view, read.selected);
  }, [params, view]);
}

function summary(params: URLSearchParams): string {
  return NAMES.map((name) => params.getAll(name).join("\n")).join("\0");
}
