/** The pages there are. The code of each is fetched when a link to it is pointed at or followed. */

import { Activity, Network, Search, Workflow, type LucideIcon } from "lucide-react";
import { useMemo, useState } from "react";
import { basePath, useUrl, type Changes } from "@/url/location";
import { onDemand, type OnDemand } from "./onDemand";

export interface Page {
  readonly path: string;
  readonly title: string;
  readonly icon: LucideIcon;
  /** Whether it is about a stretch of time, which its URL says. */
  readonly hasRange?: true;
}

/** Those the navigation shows. */
export const PAGES: readonly Page[] = [
  { path: "/search", title: "Search", icon: Search, hasRange: true },
  { path: "/services", title: "Services", icon: Activity, hasRange: true },
  { path: "/dependencies", title: "Service map", icon: Network, hasRange: true },
  { path: "/pipeline", title: "Pipeline", icon: Workflow },
];

/** The stretch of time of the last page that had one, as parameters that carry it on to others. */
export function useLastRange(): Changes {
  const { path, params } = useUrl();
  const [last, setLast] = useState("");
  const isAbout = PAGES.some((page) => page.hasRange && path.startsWith(page.path));
  const range = isAbout ? rangeOf(params) : last;
  if (range !== last) setLast(range);
  return useMemo(() => Object.fromEntries(new URLSearchParams(range)), [range]);
}

function rangeOf(params: URLSearchParams): string {
  const names = ["lookback", "start", "end"];
  return new URLSearchParams([...params].filter(([name]) => names.includes(name))).toString();
}

/** The first that fits is shown; `/trace/A...B` compares two traces. */
export const ROUTES: readonly (readonly [path: RegExp, page: OnDemand<object>])[] = [
  [/^\/search\/?$/, onDemand(() => import("@/pages/search/SearchPage"))],
  [
    /^\/trace\/(?<first>[^/]*)\.\.\.(?<second>[^/]*)$/,
    onDemand(() => import("@/pages/compare/ComparePage")),
  ],
  [/^\/trace\/(?<id>[^/]+)\/?$/, onDemand(() => import("@/pages/trace/TracePage"))],
  [/^\/dependencies\/?$/, onDemand(() => import("@/pages/map/ServiceMapPage"))],
  [/^\/services\/?$/, onDemand(() => import("@/pages/services/ServicesPage"))],
  [/^\/pipeline\/?$/, onDemand(() => import("@/pages/pipeline/PipelinePage"))],
];

/** Fetches the code of the page at a path of the address bar, if it is one of ours. */
export async function loadPage(pathname: string): Promise<void> {
  const path = pathname.slice(basePath.length);
  const start = path === "" || path === "/" ? "/search" : path;
  // What cannot be fetched is told where it is shown.
  await ROUTES.find(([pattern]) => pattern.test(start))?.[1]
    .load()
    .catch(() => undefined);
}

/** Fetches the code of a page as soon as a link to it is pointed at or reached by keys. */
export function loadPagesAhead(): void {
  const load = ({ target }: Event) => {
    const link = target instanceof Element ? target.closest("a") : null;
    if (link && link.origin === globalThis.location.origin) void loadPage(link.pathname);
  };
  document.addEventListener("pointerover", load, { passive: true });
  document.addEventListener("focusin", load, { passive: true });
}
