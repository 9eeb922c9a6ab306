/** Which requests are not traced, and which headers are kept. */
import type { Attributes } from "@opentelemetry/api";

import type { Settings } from "../settings/index.js";

type HeaderValue = string | number | readonly string[] | undefined;

/** Whether requests for this path leave no span, nor anything they cause. */
export function isExcluded(url: string, settings: Pick<Settings, "excludedUrls">): boolean {
  return settings.excludedUrls.some((expression) => expression.test(url));
}

/** Adds the headers of these names, where they are there; the conventions make each a list. */
export function captureHeaders(
  attributes: Attributes,
  prefix: string,
  names: readonly string[],
  read: (name: string) => HeaderValue,
): void {
  for (const name of names) {
    const value = read(name);
    if (value === undefined) continue;
    attributes[`${prefix}.${name}`] = Array.isArray(value)
      ? [...(value as string[])]
      : [String(value)];
  }
}
