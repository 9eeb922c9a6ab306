/** A text input that suggests: what is typed counts, whether it was suggested or not. */

import { useCombobox } from "downshift";
import { useId } from "react";
import { Field } from "./Field";
import fieldStyles from "./Field.module.css";
import styles from "./Combobox.module.css";

export interface Suggestion {
  readonly value: string;
  /** Shown behind the value, such as a count. */
  readonly note?: string;
}

interface ComboboxProps {
  readonly label: string;
  readonly hideLabel?: boolean;
  readonly placeholder?: string;
  readonly value: string;
  readonly suggestions: readonly Suggestion[];
  /** While suggestions are on their way. */
  readonly loading?: boolean;
  readonly error?: string | undefined;
  /** What holds for all suggestions, told below them. */
  readonly foot?: string;
  /** Always shows its suggestions, in the flow of the page. */
  readonly inline?: boolean;
  /** Each key stroke. */
  onInput(value: string): void;
  /** A suggestion was picked, or Enter pressed with none highlighted. */
  onPick(value: string): void;
}

export function Combobox(props: ComboboxProps) {
  const { label, hideLabel, placeholder, value, suggestions, loading, error, inline, foot } = props;
  const id = useId();
  const { isOpen, highlightedIndex, getInputProps, getMenuProps, getItemProps } = useCombobox({
    id,
    inputId: id,
    items: suggestions as Suggestion[],
    inputValue: value,
    selectedItem: null,
    ...(inline ? { isOpen: true } : {}),
    itemToString: (item) => item?.value ?? "",
    // The input is the state; downshift tells what is highlighted and when the list is open.
    stateReducer: (_, { type, changes }) =>
      type === useCombobox.stateChangeTypes.InputBlur ? { ...changes, inputValue: value } : changes,
    onSelectedItemChange: ({ selectedItem }) => {
      if (selectedItem) props.onPick(selectedItem.value);
    },
  });
  return (
    <Field id={id} label={label} hideLabel={hideLabel ?? false} error={error}>
      <div className={styles.box}>
        <input
          {...getInputProps({
            id,
            placeholder,
            spellCheck: false,
            // Downshift sets the caret right only when the change is told at once.
            onChange: (event) => props.onInput(event.currentTarget.value),
            onKeyDown: (event) => {
              if (event.key === "Enter" && !(isOpen && highlightedIndex >= 0)) props.onPick(value);
            },
          })}
          className={fieldStyles.input}
          aria-invalid={error ? true : undefined}
          aria-describedby={error ? `${id}-note` : undefined}
        />
        <ul
          {...getMenuProps({ "aria-label": label })}
          className={inline ? styles.inline : styles.list}
          hidden={!isOpen}
        >
          {isOpen && !suggestions.length ? (
            <li className={styles.none}>{loading ? "Looking…" : "No suggestion"}</li>
          ) : null}
          {isOpen
            ? suggestions.map((item, index) => (
                <li
                  key={`${item.value}\n${item.note ?? ""}`}
                  {...getItemProps({ item, index })}
                  className={index === highlightedIndex ? styles.highlighted : styles.item}
                >
                  <span className={styles.value}>{item.value}</span>
                  {item.note ? <span className={styles.note}>{item.note}</span> : null}
                </li>
              ))
            : null}
          {isOpen && foot && suggestions.length ? (
            <li role="option" aria-selected={false} aria-disabled className={styles.none}>
              {foot}
            </li>
          ) : null}
        </ul>
      </div>
    </Field>
  );
}
