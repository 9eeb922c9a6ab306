/** One condition about an attribute: its key, how it is compared, and with what. */

import { X } from "lucide-react";
import { useState } from "react";
import { IconButton } from "@/parts/Button";
import { SelectField } from "@/parts/Field";
import { formatCount } from "@/model/format";
import { fieldOf, type Comparison, type Operator } from "@/model/searchLine";
import { SuggestField } from "./SuggestField";
import { countedAmong, useNames, useValues } from "./useNames";
import styles from "./SearchForm.module.css";

interface AttributeRowProps {
  /** Null for one that is being added. */
  readonly comparison: Comparison | null;
  readonly service: string;
  readonly window: { readonly start: string; readonly end: string };
  onCommit(comparison: Comparison): void;
  onRemove(): void;
}

const CHOICES: readonly (readonly [Operator, string])[] = [
  ["=", "="],
  ["!=", "≠"],
  [">", ">"],
  [">=", "≥"],
  ["<", "<"],
  ["<=", "≤"],
  ["exists", "exists"],
  ["missing", "is missing"],
];

const NOTHING: Comparison = { name: "", operator: "=", value: "" };

function takesValue(operator: Operator): boolean {
  return operator !== "exists" && operator !== "missing";
}

export function AttributeRow(props: AttributeRowProps) {
  const { comparison, service, window, onCommit, onRemove } = props;
  // What is chosen while a part of the condition is still missing.
  const [unfinished, setUnfinished] = useState<Comparison | null>(null);
  const [typedKey, setTypedKey] = useState("");
  const [typedValue, setTypedValue] = useState("");
  const shown = unfinished ?? comparison ?? NOTHING;
  const hasValue = takesValue(shown.operator);
  const keys = useNames(typedKey, service, true);
  const values = useValues({
    key: hasValue ? shown.name : "",
    text: typedValue,
    service,
    window,
  });
  const change = (part: Partial<Comparison>) => {
    const changed = { ...shown, ...part };
    const isWhole = changed.name && (!takesValue(changed.operator) || changed.value);
    setUnfinished(isWhole ? null : changed);
    if (isWhole) onCommit(changed);
  };
  return (
    <div className={styles.attribute}>
      <SuggestField
        label="Key"
        hideLabel
        placeholder="Key"
        autoFocus={!comparison}
        value={shown.name}
        suggestions={keys.found
          .filter(({ key }) => !fieldOf(key))
          .map(({ key, level }) => ({ value: key, note: level }))}
        loading={keys.loading}
        onInput={setTypedKey}
        onCommit={(key) => {
          setTypedKey("");
          if (key) change({ name: key });
          else onRemove();
        }}
      />
      <SelectField
        label="Comparison"
        hideLabel
        value={shown.operator}
        options={CHOICES}
        onChange={(event) => change({ operator: event.currentTarget.value as Operator })}
      />
      {hasValue ? (
        <SuggestField
          label="Value"
          hideLabel
          placeholder="Value, * is anything"
          value={shown.value}
          suggestions={values.found.map(({ value, spans }) => ({
            value,
            note: `${formatCount(spans)} spans`,
          }))}
          loading={values.loading}
          foot={countedAmong(service)}
          onInput={setTypedValue}
          onCommit={(value) => {
            setTypedValue("");
            // Without a value the attribute may have any.
            change(value ? { value } : { value, operator: "exists" });
          }}
        />
      ) : null}
      <IconButton
        label={shown.name ? `Remove the condition about ${shown.name}` : "Remove the condition"}
        icon={<X size={14} />}
        onClick={onRemove}
      />
    </div>
  );
}
