/** The pages there are, each loaded when it is first shown. */

import { Activity, Network, Search, Workflow, type LucideIcon } from "lucide-react";
import { lazy, type ComponentType, type LazyExoticComponent } from "react";

export interface Page {
  readonly path: string;
  readonly title: string;
  readonly icon: LucideIcon;
}

/** Those the navigation shows. */
export const PAGES: readonly Page[] = [
  { path: "/search", title: "Search", icon: Search },
  { path: "/services", title: "Services", icon: Activity },
  { path: "/dependencies", title: "Service map", icon: Network },
  { path: "/pipeline", title: "Pipeline", icon: Workflow },
];

type LazyPage = LazyExoticComponent<ComponentType>;

/** The first that fits is shown; `/trace/A...B` compares two traces. */
export const ROUTES: readonly (readonly [path: string | RegExp, page: LazyPage])[] = [
  ["/search", lazy(() => import("@/pages/search/SearchPage"))],
  [
    /^\/trace\/(?<first>[^/]*)\.\.\.(?<second>[^/]*)$/,
    lazy(() => import("@/pages/compare/ComparePage")),
  ],
  ["/trace/:id", lazy(() => import("@/pages/trace/TracePage"))],
  ["/dependencies", lazy(() => import("@/pages/map/ServiceMapPage"))],
  ["/services", lazy(() => import("@/pages/services/ServicesPage"))],
  ["/pipeline", lazy(() => import("@/pages/pipeline/PipelinePage"))],
];
