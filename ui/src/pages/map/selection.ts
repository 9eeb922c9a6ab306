/** What is selected in the map: a service, or the calls from one to another. */

import type { Changes } from "@/url/location";

export type Selection =
  { readonly service: string } | { readonly caller: string; readonly callee: string };

export function readSelection(params: URLSearchParams): Selection | null {
  const [service, caller] = [params.get("sel"), params.get("from")];
  if (!service) return null;
  return caller ? { caller, callee: service } : { service };
}

export function selectionParams(selection: Selection | null): Changes {
  if (!selection) return { sel: null, from: null };
  if ("service" in selection) return { sel: selection.service, from: null };
  return { sel: selection.callee, from: selection.caller };
}
