/** The ways to look at a trace; all but the waterfall are loaded when they are first shown. */

import {
  Braces,
  ChartNoAxesGantt,
  Flame,
  ScrollText,
  Sigma,
  Table2,
  type LucideIcon,
} from "lucide-react";
import { lazy, type ComponentType, type LazyExoticComponent } from "react";
import type { ViewProps } from "./views/props";

/** As in the parameter `v`. */
export type ViewName = "waterfall" | OtherViewName;
export type OtherViewName = "table" | "flame" | "statistics" | "logs" | "json";

export const VIEWS: readonly {
  readonly name: ViewName;
  readonly title: string;
  readonly icon: LucideIcon;
}[] = [
  { name: "waterfall", title: "Waterfall", icon: ChartNoAxesGantt },
  { name: "table", title: "Table", icon: Table2 },
  { name: "flame", title: "Flame graph", icon: Flame },
  { name: "statistics", title: "Statistics", icon: Sigma },
  { name: "logs", title: "Logs", icon: ScrollText },
  { name: "json", title: "JSON", icon: Braces },
];

type View = LazyExoticComponent<ComponentType<ViewProps>>;
const files = import.meta.glob<{ default: ComponentType<ViewProps> }>("./views/*View.tsx");

function load(file: string): View {
  return lazy(() => files[`./views/${file}.tsx`]!());
}

export const OTHER_VIEWS: Readonly<Record<OtherViewName, View>> = {
  table: load("TableView"),
  flame: load("FlameView"),
  statistics: load("StatisticsView"),
  logs: load("LogsView"),
  json: load("JsonView"),
};

/** The view a link names; the waterfall where it names none we know. */
export function viewOf(name: string | null): ViewName {
  return VIEWS.find((view) => view.name === name)?.name ?? "waterfall";
}
