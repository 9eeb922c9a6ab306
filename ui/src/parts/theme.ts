/** The theme that is shown, for drawings that are made anew when it changes. */

import { useSyncExternalStore } from "react";

export function useTheme(): string {
  return useSyncExternalStore(watch, () => document.documentElement.dataset["theme"] ?? "light");
}

function watch(changed: () => void): () => void {
  const observer = new MutationObserver(changed);
  observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  return () => observer.disconnect();
}

/** Reads the value a token has for an element: `--error` is `#b42318` in the light theme. */
export function tokenReader(element: Element): (token: string) => string {
  const values = getComputedStyle(element);
  return (token) => values.getPropertyValue(token).trim();
}
