/** Conditions of the search line, each with a button that takes it away. */

import { X } from "lucide-react";
import { replaceTerm, type Term } from "@/model/searchLine";
import type { SearchState } from "./useSearch";
import styles from "./Chips.module.css";

export function Chips({
  label,
  terms,
  state: { search, change },
}: {
  readonly label: string;
  readonly terms: readonly Term[];
  readonly state: SearchState;
}) {
  return (
    <ul className={styles.chips} aria-label={label}>
      {terms.map((term) => (
        <li key={term.begin} className={styles.chip}>
          <span className={styles.text} title={term.text}>
            {term.text}
          </span>
          <button
            type="button"
            className={styles.remove}
            aria-label={`Remove ${term.text}`}
            title="Remove"
            onClick={() => change({ line: replaceTerm(search.line, term, "") })}
          >
            <X size={13} aria-hidden />
          </button>
        </li>
      ))}
    </ul>
  );
}
