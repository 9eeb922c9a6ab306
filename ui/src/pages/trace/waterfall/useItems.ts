/** The lines of the waterfall, made anew when something is opened, closed, found or hidden. */

import { useMemo } from "react";
import type { ServiceColor } from "@/model/colors";
import { at, CUT, hasChildren, markRows } from "@/model/trace";
import { serviceOf, type TraceData } from "@/model/traceData";
import {
  ANCESTOR,
  kindOf,
  membersReader,
  listItems,
  maskOf,
  type Items,
  type Listing,
} from "@/model/waterfall";
import { usePreferences } from "../preferences";
import { useTraceView, useView } from "../store";
import type { LineProps } from "./Row";

export type Lines = (index: number) => LineProps;

export function useItems(colors: ReadonlyMap<string, ServiceColor>): {
  readonly items: Items;
  readonly lines: Lines;
} {
  const { trace, groups } = useTraceView();
  const grouping = usePreferences(({ groupSiblings }) => groupSiblings);
  const found = useView(({ found }) => found);
  const matchesOnly = useView(({ matchesOnly }) => matchesOnly);
  const hiddenServices = useView(({ hiddenServices }) => hiddenServices);
  const minDurationNanos = useView(({ minDurationNanos }) => minDurationNanos);
  const collapsed = useView(({ collapsed }) => collapsed);
  const openGroups = useView(({ openGroups }) => openGroups);
  const selected = useView(({ selected }) => selected);
  const only = matchesOnly ? found : null;
  const mask = useMemo(
    () => maskOf(trace, { found: only, hiddenServices, minDurationNanos }),
    [trace, only, hiddenServices, minDurationNanos],
  );
  const listing = useMemo(
    () => ({ collapsed, groups: grouping ? groups : null, openGroups, mask }),
    [collapsed, grouping, groups, openGroups, mask],
  );
  const items = useMemo(() => listItems(trace, listing), [trace, listing]);
  const membersOf = useMemo(() => membersReader(listing), [listing]);
  const isFound = useMemo(() => found && markRows(trace, found), [trace, found]);
  const lines: Lines = (index) => {
    const kind = kindOf(items, index);
    const row = at(items.rows, index);
    const group = kind === "group" ? at(groups.of, row) : -1;
    const members = group < 0 ? null : membersOf(group);
    return {
      ...{ trace, kind, row, members },
      level: at(items.levels, index),
      expanded: isExpanded(trace, listing, kind, row, group),
      selected: kind === "span" && row === selected,
      dimmed: mask !== null && kind === "span" && mask[row] === ANCESTOR,
      match: isFound !== null && (members ?? [row]).some((one) => isFound[one] === 1),
      color: colors.get(serviceOf(trace, row))!,
    };
  };
  return { items, lines };
}

function isExpanded(
  trace: TraceData,
  { collapsed, openGroups }: Listing,
  kind: LineProps["kind"],
  row: number,
  group: number,
): boolean | null {
  if (kind === "more") return null;
  if (kind === "group") return openGroups.has(group);
  const isParent = hasChildren(trace, row) || (at(trace.flags, row) & CUT) !== 0;
  return isParent ? !collapsed[row] : null;
}
