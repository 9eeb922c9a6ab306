/**
 * Reads traces off the page's thread: fetches, derives what is computed once, hands the columns
 * over without copying them, and keeps what finding needs.
 */

import { findIndex, type FindIndex } from "@/model/findIndex";
import { deriveColumns, readColumns, type Derived } from "@/model/traceColumns";
import { ApiError, fetchOk } from "./client";

export type Request =
  | { readonly kind: "load"; readonly id: number; readonly url: string }
  | { readonly kind: "find"; readonly id: number; readonly trace: number; readonly text: string }
  /** Gives up a load, or forgets a trace nobody shows any more. */
  | { readonly kind: "drop"; readonly id: number };

export type Answer =
  | { readonly kind: "loaded"; readonly id: number; buffer: ArrayBuffer; derived: Derived }
  | { readonly kind: "found"; readonly id: number; readonly rows: Int32Array }
  | {
      readonly kind: "failed";
      readonly id: number;
      readonly message: string;
      readonly status: number;
    };

const loads = new Map<number, AbortController>();
const indexes = new Map<number, FindIndex>();

addEventListener("message", ({ data: request }: MessageEvent<Request>) => {
  if (request.kind === "load") {
    void load(request.id, request.url);
  } else if (request.kind === "find") {
    const rows = indexes.get(request.trace)?.find(request.text) ?? new Int32Array(0);
    answer({ kind: "found", id: request.id, rows }, [rows.buffer]);
  } else {
    loads.get(request.id)?.abort();
    loads.delete(request.id);
    indexes.delete(request.id);
  }
});

async function load(id: number, url: string): Promise<void> {
  const controller = new AbortController();
  loads.set(id, controller);
  try {
    const response = await fetchOk(url, { signal: controller.signal });
    const buffer = await response.arrayBuffer();
    const columns = readColumns(buffer);
    const derived = deriveColumns(columns);
    indexes.set(id, findIndex(columns));
    if (!loads.has(id)) indexes.delete(id);
    answer({ kind: "loaded", id, buffer, derived }, [buffer]);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const status = error instanceof ApiError ? error.status : 0;
    answer({ kind: "failed", id, message, status });
  } finally {
    loads.delete(id);
  }
}

function answer(message: Answer, transfer: Transferable[] = []): void {
  postMessage(message, { transfer });
}
