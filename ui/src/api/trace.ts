/** Traces of the server, as columns, read in a worker. */

import { useQuery, type UseQueryResult } from "@tanstack/react-query";
import { traceOf } from "@/model/traceColumns";
import type { TraceData } from "@/model/traceData";
import { ApiError, apiUrl } from "./client";
import { uploadedTrace } from "./uploads";
import type { Answer, Request } from "./trace.worker";

export interface TraceOptions {
  /** Only this span and what is below it, by its id. */
  readonly root?: string | undefined;
  /** As stored: without the corrections for clocks that differ. */
  readonly raw?: boolean | undefined;
  /** Of a larger trace so many spans. */
  readonly limit?: number | undefined;
}

/** Reads a trace, of a file or of the server. Raises `ApiError`, with status 404 where there is no such trace. */
export async function loadTrace(
  traceId: string,
  { root, raw, limit }: TraceOptions = {},
  signal?: AbortSignal,
): Promise<TraceData> {
  const uploaded = await uploadedTrace(traceId);
  if (uploaded) return uploaded;
  const path = apiUrl("/traces/{trace_id}", {
    trace_id: traceId,
    root,
    limit,
    raw: raw ? true : undefined,
  });
  const url = new URL(path, globalThis.location.href).href;
  const id = nextId++;
  const drop = () => post({ kind: "drop", id });
  signal?.addEventListener("abort", drop, { once: true });
  const answer = await ask({ kind: "load", id, url });
  signal?.removeEventListener("abort", drop);
  if (answer.kind !== "loaded") throw new Error(`The worker answered ${answer.kind}.`);
  const trace = traceOf(answer.buffer, answer.derived, async (text) => {
    const found = await ask({ kind: "find", id: nextId++, trace: id, text });
    return found.kind === "found" ? found.rows : new Int32Array(0);
  });
  forgotten.register(trace, id);
  return trace;
}

/** `loadTrace` as a hook; an empty id asks for nothing. */
export function useTrace(
  traceId: string,
  options: TraceOptions = {},
): UseQueryResult<TraceData, ApiError> {
  return useQuery<TraceData, ApiError>({
    queryKey: ["/traces/{trace_id}", traceId, options],
    queryFn: ({ signal }) => loadTrace(traceId, options, signal),
    enabled: Boolean(traceId),
    staleTime: Infinity,
    // Columns are no plain objects: comparing them with the last answer's would cost and not help.
    structuralSharing: false,
  });
}

let worker: Worker | null = null;
let nextId = 1;
const waiting = new Map<number, { resolve(answer: Answer): void; reject(error: Error): void }>();

/** Tells the worker of traces that are no longer used here. */
const forgotten = new FinalizationRegistry<number>((id) => post({ kind: "drop", id }));

function ask(request: Request): Promise<Answer> {
  return new Promise((resolve, reject) => {
    waiting.set(request.id, { resolve, reject });
    post(request);
  });
}

function post(request: Request): void {
  worker ??= startWorker();
  worker.postMessage(request);
}

function startWorker(): Worker {
  const started = new Worker(new URL("./trace.worker.ts", import.meta.url), { type: "module" });
  started.addEventListener("message", ({ data: answer }: MessageEvent<Answer>) => {
    const asked = waiting.get(answer.id);
    waiting.delete(answer.id);
    if (answer.kind === "failed") asked?.reject(new ApiError(answer.message, answer.status));
    else asked?.resolve(answer);
  });
  started.addEventListener("error", (event) => {
    const error = new Error(event.message || "The part of the page that reads traces broke.");
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
    worker = null;
  });
  return started;
}
