/** A text with suggestions that counts once it is picked, Enter is pressed, or the field is left. */

import { useState } from "react";
import { Combobox, type Suggestion } from "@/parts/Combobox";
import { useFollow } from "./QueryLine";

interface SuggestFieldProps {
  readonly label: string;
  readonly hideLabel?: boolean;
  readonly placeholder?: string;
  readonly value: string;
  /** All there are; those that have the text that is typed are shown. */
  readonly suggestions: readonly Suggestion[];
  readonly loading: boolean;
  readonly foot?: string;
  readonly autoFocus?: boolean;
  /** Each key stroke, for suggestions that are asked for by what is typed. */
  onInput?(value: string): void;
  onCommit(value: string): void;
}

const MOST_SHOWN = 100;

export function SuggestField(props: SuggestFieldProps) {
  const { value, suggestions, onInput, onCommit, autoFocus, ...rest } = props;
  const [draft, setDraft] = useState(value);
  useFollow(value, setDraft);
  const commit = (text: string) => {
    setDraft(text);
    if (text.trim() !== value) onCommit(text.trim());
  };
  // What is set is no filter: who opens the list wants to see what else there is.
  const typed = draft === value ? "" : draft.trim().toLowerCase();
  const shown = suggestions.filter((one) => one.value.toLowerCase().includes(typed));
  return (
    <div
      ref={autoFocus ? focusInput : undefined}
      onBlur={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget)) commit(draft);
      }}
    >
      <Combobox
        {...rest}
        value={draft}
        suggestions={shown.slice(0, MOST_SHOWN)}
        onInput={(text) => {
          setDraft(text);
          onInput?.(text);
        }}
        onPick={commit}
      />
    </div>
  );
}

function focusInput(element: HTMLDivElement | null): void {
  element?.querySelector("input")?.focus();
}
