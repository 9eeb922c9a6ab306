/** What the process had counted at each look of the last minutes; kept while the page is elsewhere. */

import { useEffect } from "react";
import { create } from "zustand";
import { addSnapshot, takeSnapshot, type Pipeline, type Snapshot } from "@/model/pipeline";

const useSnapshots = create<{ readonly snapshots: readonly Snapshot[] }>()(() => ({
  snapshots: [],
}));

/** Notes an answer, and returns what is known of the time before it, the oldest first. */
export function useHistory(answer: Pipeline | undefined): readonly Snapshot[] {
  useEffect(() => {
    if (!answer) return;
    useSnapshots.setState(({ snapshots }) => ({
      snapshots: addSnapshot(snapshots, takeSnapshot(answer)),
    }));
  }, [answer]);
  return useSnapshots(({ snapshots }) => snapshots);
}
