/** Tabs over panels of which one is shown; arrow keys, Home and End go from tab to tab. */

import { useId, useState, type KeyboardEvent, type ReactNode } from "react";
import styles from "./Tabs.module.css";

export interface Tab {
  readonly key: string;
  readonly title: string;
  readonly content: ReactNode;
}

/** Keeps by itself which tab is chosen; the first until one is. */
export function Tabs({ label, tabs }: { readonly label: string; readonly tabs: readonly Tab[] }) {
  const id = useId();
  const [key, setKey] = useState<string | null>(null);
  const chosen = Math.max(
    0,
    tabs.findIndex((tab) => tab.key === key),
  );
  const shown = tabs[chosen];
  const step = (event: KeyboardEvent<HTMLElement>) => {
    const targets: Record<string, number> = {
      ArrowRight: (chosen + 1) % tabs.length,
      ArrowLeft: (chosen + tabs.length - 1) % tabs.length,
      Home: 0,
      End: tabs.length - 1,
    };
    const target = targets[event.key];
    const tab = target === undefined ? undefined : tabs[target];
    if (!tab) return;
    event.preventDefault();
    setKey(tab.key);
    document.getElementById(`${id}-${tab.key}`)?.focus();
  };
  return (
    <div>
      <div role="tablist" aria-label={label} className={styles.list} onKeyDown={step}>
        {tabs.map((tab, index) => (
          <button
            key={tab.key}
            id={`${id}-${tab.key}`}
            type="button"
            role="tab"
            className={styles.tab}
            aria-selected={index === chosen}
            aria-controls={`${id}-panel`}
            tabIndex={index === chosen ? 0 : -1}
            onClick={() => setKey(tab.key)}
          >
            {tab.title}
          </button>
        ))}
      </div>
      {shown ? (
        <div id={`${id}-panel`} role="tabpanel" aria-labelledby={`${id}-${shown.key}`}>
          {shown.content}
        </div>
      ) : null}
    </div>
  );
}
