/** Which requests are not traced, and which headers are kept. */
import type { Attributes } from "@opentelemetry/api";

import type { Settings } from "../settings/index.js";

type HeaderValue = string | number | readonly string[] | undefined;

/** What `instrumentApp` excludes beside the settings. */
const further: RegExp[] = [];

/** Excludes further paths. */
export function excludeUrls(expressions: readonly RegExp[]): void {
  further.push(...expressions);
}

/** Takes every further exclusion back. */
export function forgetExcludedUrls(): void {
  further.length = 0;
}

/** Whether requests for this path leave no span, nor anything they cause. */
export function isExcluded(url: string, { excludedUrls }: Pick<Settings, "excludedUrls">): boolean {
  const matches = (expression: RegExp): boolean => expression.test(url);
  return excludedUrls.some(matches) || further.some(matches);
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
