/** The set with one element more, or without it where it was in. */
export function toggled<T>(set: ReadonlySet<T>, element: T): ReadonlySet<T> {
  const changed = new Set(set);
  if (!changed.delete(element)) changed.add(element);
  return changed;
}
