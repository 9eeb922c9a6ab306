/** The keys of the trace page, those of Jaeger among them. */

import { useShortcuts, type Shortcut } from "@/app/shortcuts";
import { pan, type Zoom } from "@/model/timeAxis";
import { nameOf, serviceOf } from "@/model/traceData";
import { copyText } from "@/parts/CopyButton";
import { useUrl } from "@/url/location";
import { announce } from "./Announcements";
import { usePreferences } from "./preferences";
import {
  collapseAll,
  collapseOneLevel,
  expandAll,
  expandOneLevel,
  lengthOf,
  selectError,
  setZoom,
  useTraceView,
  writeView,
  type TraceView,
} from "./store";
import { focusLineSoon } from "./waterfall/gridKeys";

export const FIND_BOX = "find-in-trace";

export function useTraceShortcuts(): void {
  const view = useTraceView();
  const url = useUrl();
  useShortcuts([...findKeys(view), ...treeKeys(view), ...timeKeys(view)]);
  useShortcuts([
    {
      keys: ["y"],
      description: "Copy a link to what is shown",
      group: "Trace",
      run: () => {
        // What was changed last may not be in the address bar yet.
        const link = url.link(writeView(view.trace, view.store.getState()));
        void copyText(new URL(link, location.href).href).then(() => announce("Link copied"));
      },
    },
  ]);
}

function findKeys(view: TraceView): Shortcut[] {
  const jump = (forward: boolean) => () => {
    const row = selectError(view, forward);
    if (row < 0) announce("No span has an error");
    else announce(`Error in ${serviceOf(view.trace, row)}, ${nameOf(view.trace, row)}`, false);
  };
  return [
    {
      keys: ["/", "Ctrl+b"],
      description: "Find in the trace",
      group: "Trace",
      run: () => document.getElementById(FIND_BOX)?.focus(),
    },
    { keys: ["e"], description: "Next error", group: "Trace", run: jump(true) },
    { keys: ["E"], description: "Previous error", group: "Trace", run: jump(false) },
    {
      keys: ["c"],
      description: "Critical path on or off",
      group: "Trace",
      run: () => {
        const { marks, setMark } = usePreferences.getState();
        setMark("criticalPath", !marks.criticalPath);
        announce(marks.criticalPath ? "Critical path hidden" : "Critical path shown");
      },
    },
    {
      keys: ["Escape"],
      description: "Close the detail, then clear the search",
      group: "Trace",
      run: () => {
        const { selected } = view.store.getState();
        if (selected === null) {
          view.store.setState({ find: "", matchesOnly: false });
          return;
        }
        view.store.setState({ selected: null });
        focusLineSoon();
      },
    },
  ];
}

function treeKeys(view: TraceView): Shortcut[] {
  const group = "Waterfall";
  return [
    { keys: ["]"], description: "Open all", group, run: () => expandAll(view) },
    { keys: ["["], description: "Close all", group, run: () => collapseAll(view) },
    { keys: ["o"], description: "Open one level", group, run: () => expandOneLevel(view) },
    { keys: ["p"], description: "Close one level", group, run: () => collapseOneLevel(view) },
  ];
}

function timeKeys(view: TraceView): Shortcut[] {
  const move = (share: number) => () => {
    const { zoom } = view.store.getState();
    const moved: Zoom = pan(zoom, share, lengthOf(view.trace));
    setZoom(view, moved);
  };
  const group = "Waterfall";
  return [
    { keys: ["a"], description: "Earlier", group, run: move(-0.05) },
    { keys: ["d"], description: "Later", group, run: move(0.05) },
    { keys: ["A"], description: "Much earlier", group, run: move(-0.5) },
    { keys: ["D"], description: "Much later", group, run: move(0.5) },
  ];
}
