/** Looks for what is written in the find box: at once, or when the search before has ended. */

import { useEffect, useRef } from "react";
import { announce } from "./Announcements";
import { useTraceView, useView } from "./store";

export function useFinding(): void {
  const { trace, store } = useTraceView();
  const find = useView(({ find }) => find);
  const running = useRef<Promise<unknown>>(Promise.resolve());
  useEffect(() => {
    const text = find.trim();
    if (!text) {
      store.setState({ found: null });
      return undefined;
    }
    let isLatest = true;
    const show = (found: Int32Array) => {
      if (!isLatest) return;
      store.setState({ found });
      announce(found.length === 1 ? "1 span matches" : `${found.length} spans match`, false);
    };
    const look = async () => {
      if (isLatest) show(await trace.find(text));
    };
    running.current = running.current.then(look, look);
    return () => {
      isLatest = false;
    };
  }, [find, trace, store]);
}
