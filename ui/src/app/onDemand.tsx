/** Components whose code is fetched when they are first shown, or before, when that is foreseen. */

import { lazy, useState, type ComponentType } from "react";

export interface OnDemand<Props extends object> {
  (props: Props): React.ReactNode;
  /** Fetches the code; rejects where that cannot be had, and showing the component tells why. */
  load(): Promise<unknown>;
}

/**
 * Once the code is there, it is shown at once: React holds back what a `lazy` component shows by up
 * to 300 ms where a fallback stood before it.
 */
export function onDemand<Props extends object = object>(
  fetchModule: () => Promise<{ default: ComponentType<Props> }>,
): OnDemand<Props> {
  let fetched: ComponentType<Props> | null = null;
  const load = async () => {
    const module = await fetchModule();
    fetched = module.default;
    return module;
  };
  const Lazy: ComponentType<Props> = lazy(load);
  function OnDemand(props: Props) {
    // Chosen when it is first shown: another component would lose its state.
    const [Shown] = useState(() => fetched ?? Lazy);
    return <Shown {...props} />;
  }
  OnDemand.load = load;
  return OnDemand;
}
