/** Looks for what is written in the find box, a moment after it was typed. */

import { useEffect } from "react";
import { announce } from "./Announcements";
import { useTraceView, useView } from "./store";

const PAUSE_MILLISECONDS = 80;

export function useFinding(): void {
  const { trace, store } = useTraceView();
  const find = useView(({ find }) => find);
  useEffect(() => {
    const text = find.trim();
    if (!text) {
      store.setState({ found: null });
      return undefined;
    }
    let isLatest = true;
    const timer = setTimeout(() => {
      void trace.find(text).then((found) => {
        if (!isLatest) return;
        store.setState({ found });
        announce(found.length === 1 ? "1 span matches" : `${found.length} spans match`, false);
      });
    }, PAUSE_MILLISECONDS);
    return () => {
      isLatest = false;
      clearTimeout(timer);
    };
  }, [find, trace, store]);
}
