/**
 * The URL as state: pages read their parameters here and change them by name, so that what they do
 * not know survives.
 */

import { useCallback, useMemo } from "react";
import { useLocation, useSearch } from "wouter";
import { embed } from "./embed";

/** Values by name; null or "" takes a parameter away, a list repeats it. */
export type Changes = Readonly<
  Record<string, string | number | readonly string[] | null | undefined>
>;

/** The URL of a page of ours, with the parameters all our links carry. */
export function linkTo(path: string, changes: Changes = {}): string {
  return withChanges(path, new URLSearchParams(), changes);
}

function withChanges(path: string, params: URLSearchParams, changes: Changes): string {
  for (const [name, value] of embed.params) params.set(name, value);
  for (const [name, value] of Object.entries(changes)) {
    params.delete(name);
    if (value === null || value === undefined || value === "") continue;
    if (typeof value === "object") for (const one of value) params.append(name, one);
    else params.set(name, String(value));
  }
  const search = params.toString();
  return search ? `${path}?${search}` : path;
}

export interface Url {
  readonly path: string;
  readonly params: URLSearchParams;
  /** Changes parameters of this page; `replace` leaves no entry in the history. */
  change(changes: Changes, options?: { replace?: boolean }): void;
  /** The link that `change` would follow. */
  link(changes: Changes): string;
  /** Goes to another page of ours, a link made by `linkTo`. */
  go(link: string, options?: { replace?: boolean }): void;
}

export function useUrl(): Url {
  const [path, navigate] = useLocation();
  const search = useSearch();
  const params = useMemo(() => new URLSearchParams(search), [search]);
  const link = useCallback(
    // The address bar is asked, not `search`: two changes before the next render must add up.
    (changes: Changes) =>
      withChanges(path, new URLSearchParams(globalThis.location.search), changes),
    [path],
  );
  const change = useCallback(
    (changes: Changes, options?: { replace?: boolean }) => navigate(link(changes), options),
    [navigate, link],
  );
  return useMemo(
    () => ({ path, params, change, link, go: navigate }),
    [path, params, change, link, navigate],
  );
}

/** The path the application is served below, without a slash at its end. */
export const basePath =
  typeof document === "undefined" ? "" : new URL(document.baseURI).pathname.replace(/\/$/, "");
