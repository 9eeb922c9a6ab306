/** Whether the window is as narrow as a phone's, where tables stack what stands beside each other. */

import { useSyncExternalStore } from "react";

const NARROW = "(max-width: 700px)";

export function isNarrow(): boolean {
  return matchMedia(NARROW).matches;
}

export function useNarrow(): boolean {
  return useSyncExternalStore(follow, isNarrow);
}

function follow(onChange: () => void): () => void {
  const query = matchMedia(NARROW);
  query.addEventListener("change", onChange);
  return () => query.removeEventListener("change", onChange);
}
