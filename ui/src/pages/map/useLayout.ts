/** The layout of a map: made once for the same services and calls, whatever their figures. */

import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { planLayout, readLayout, type Layout } from "@/model/mapLayout";
import type { ServiceMap } from "@/model/serviceMap";
import type { Reply } from "./layout.worker";

export interface LayoutState {
  readonly layout: Layout | null;
  /** Differs where the drawing is another one. */
  readonly key: string;
  readonly error: Error | null;
}

export function useLayout(map: ServiceMap): LayoutState {
  const plan = useMemo(() => planLayout(map), [map]);
  const key = `${plan.services.join("\n")}\n\n${plan.dot}`;
  const { data, error } = useQuery({
    queryKey: ["layout", key],
    queryFn: ({ signal }) => layOut(plan.dot, signal),
    staleTime: Infinity,
  });
  const layout = useMemo(() => (data === undefined ? null : readLayout(data, plan)), [data, plan]);
  return { layout, key, error };
}

/** Asks a worker of its own, which is ended when nobody waits for it any more. */
function layOut(dot: string, signal: AbortSignal): Promise<string> {
  if (!dot) return Promise.resolve("");
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./layout.worker.ts", import.meta.url), { type: "module" });
    const end = () => worker.terminate();
    signal.addEventListener("abort", end);
    worker.onmessage = ({ data }: MessageEvent<Reply>) => {
      end();
      if ("plain" in data) resolve(data.plain);
      else reject(new Error(data.error));
    };
    worker.onerror = (event) => {
      end();
      reject(new Error(event.message || "The layout could not be loaded"));
    };
    worker.postMessage(dot);
  });
}
