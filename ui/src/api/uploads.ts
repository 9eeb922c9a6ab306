/**
 * Traces read from files. They stay in this browser: in memory, and in its database so that they
 * survive a reload and can be opened in another tab. The last ones are kept.
 */

import { create } from "zustand";
import { persist } from "zustand/middleware";
import type { JaegerTrace } from "@/model/jaegerFile";
import type { TraceData } from "@/model/traceData";

/** What is known of a trace of a file without opening it. */
export interface Upload {
  readonly traceId: string;
  readonly fileName: string;
  readonly service: string;
  readonly operation: string;
  readonly startMicros: number;
  readonly durationNanos: number;
  readonly spans: number;
  readonly errors: number;
}

const KEPT = 20;

/** The uploads there are, the newest first. */
export const useUploads = create<{ readonly uploads: readonly Upload[] }>()(
  persist(() => ({ uploads: [] as readonly Upload[] }), { name: "ananta-uploads" }),
);

const inMemory = new Map<string, JaegerTrace>();

/** The file a trace is from; null for those of the server. */
export function uploadOf(traceId: string): Upload | null {
  const id = traceId.padStart(32, "0");
  return useUploads.getState().uploads.find((upload) => upload.traceId === id) ?? null;
}

/** A trace that was read from a file; null where the server is to be asked. */
export async function uploadedTrace(traceId: string): Promise<TraceData | null> {
  const jaeger = await uploadedJson(traceId);
  if (!jaeger) return null;
  const { traceOfJaeger } = await import("@/model/jaegerTrace");
  return traceOfJaeger(jaeger);
}

/** The same as it stood in the file, or as the server wrote it from OTLP. */
export async function uploadedJson(traceId: string): Promise<JaegerTrace | null> {
  const upload = uploadOf(traceId);
  if (!upload) return null;
  const known =
    inMemory.get(upload.traceId) ??
    (await stored(
      "readonly",
      (store) => store.get(upload.traceId) as IDBRequest<JaegerTrace | undefined>,
    ));
  if (known) return known;
  // The browser may throw its databases away, and keeps the list.
  forget([upload.traceId]);
  return null;
}

/** Keeps traces of a file; a trace of the same id is replaced. */
export async function keepUploads(
  traces: readonly (readonly [upload: Upload, trace: JaegerTrace])[],
): Promise<void> {
  const ids = new Set(traces.map(([{ traceId }]) => traceId));
  for (const [{ traceId }, trace] of traces) inMemory.set(traceId, trace);
  const { uploads } = useUploads.getState();
  const all = [
    ...traces.map(([upload]) => upload),
    ...uploads.filter(({ traceId }) => !ids.has(traceId)),
  ];
  // Of a file with more traces than are kept, all are there until the page is left.
  const kept = Math.max(KEPT, traces.length);
  useUploads.setState({ uploads: all.slice(0, kept) });
  forget(all.slice(kept).map(({ traceId }) => traceId));
  for (const [{ traceId }, trace] of traces) {
    // A browser that has no database, or no room in it, still has the trace in memory.
    await stored("readwrite", (store) => store.put(trace, traceId)).catch(() => undefined);
  }
}

/** Throws traces of files away. */
export function forget(traceIds: readonly string[]): void {
  const gone = new Set(traceIds);
  if (!gone.size) return;
  useUploads.setState(({ uploads }) => ({
    uploads: uploads.filter(({ traceId }) => !gone.has(traceId)),
  }));
  for (const id of gone) {
    inMemory.delete(id);
    stored("readwrite", (store) => store.delete(id)).catch(() => undefined);
  }
}

const DATABASE = "ananta-uploads";
const STORE = "traces";

async function stored<T>(
  mode: IDBTransactionMode,
  ask: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
  const database = await answerOf(opening);
  try {
    return await answerOf(ask(database.transaction(STORE, mode).objectStore(STORE)));
  } finally {
    database.close();
  }
}

function answerOf<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("The browser's database failed."));
  });
}
