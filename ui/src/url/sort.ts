/** The order of a table as a parameter: the key of a column, with a minus for descending. */

import type { Sort } from "@/parts/SortableTable";

export function readSort(text: string | null, fallback: Sort): Sort {
  if (!text) return fallback;
  return text.startsWith("-")
    ? { key: text.slice(1), descending: true }
    : { key: text, descending: false };
}

/** Null for the order a table has anyway. */
export function sortParam(sort: Sort, fallback: Sort): string | null {
  if (sort.key === fallback.key && sort.descending === fallback.descending) return null;
  return (sort.descending ? "-" : "") + sort.key;
}
