/** The search line as fields: each shows one term of the line, and changes that term alone. */

import { Plus } from "lucide-react";
import { useState } from "react";
import { useApi } from "@/api/client";
import { asParameters } from "@/model/timeRange";
import { Button } from "@/parts/Button";
import { SelectField, TextField } from "@/parts/Field";
import {
  addTerm,
  durationTerm,
  fieldTerm,
  formTerms,
  KINDS,
  replaceTerm,
  STATUSES,
  withDuration,
  withField,
  writeComparison,
  type Bound,
} from "@/model/searchLine";
import { AttributeRow } from "./AttributeRow";
import { Chips } from "./Chips";
import { SuggestField } from "./SuggestField";
import { useFollow } from "./QueryLine";
import { type SearchState } from "./useSearch";
import styles from "./SearchForm.module.css";

export function SearchForm({ state }: { readonly state: SearchState }) {
  const { search, change } = state;
  const { line } = search;
  const set = (changed: string) => change({ line: changed });
  const valueOf = (field: "service" | "operation" | "kind" | "status") =>
    fieldTerm(line, field)?.comparison?.value ?? "";
  const service = valueOf("service");
  const services = useApi("/services", {});
  const operations = useOperations(service, asParameters(state.window));
  const { others } = formTerms(line);
  const [adding, setAdding] = useState(false);
  return (
    <div className={styles.form}>
      <div className={styles.fields}>
        <SuggestField
          label="Service"
          placeholder="Any"
          value={service}
          suggestions={(services.data ?? []).map((value) => ({ value }))}
          loading={services.isFetching}
          onCommit={(value) => set(withField(line, "service", value))}
        />
        <SuggestField
          label="Operation"
          placeholder="Any"
          value={valueOf("operation")}
          suggestions={operations.names.map((value) => ({ value }))}
          loading={operations.loading}
          onCommit={(value) => set(withField(line, "operation", value))}
        />
        <Choice
          label="Kind"
          options={KINDS}
          value={valueOf("kind")}
          onChange={(value) => set(withField(line, "kind", value))}
        />
        <Choice
          label="Status"
          options={STATUSES}
          value={valueOf("status")}
          onChange={(value) => set(withField(line, "status", value))}
        />
        <DurationField label="Min duration" bound="minimum" state={state} />
        <DurationField label="Max duration" bound="maximum" state={state} />
        <Button
          className={styles.add}
          icon={<Plus size={14} aria-hidden />}
          title="Add a condition about an attribute"
          onClick={() => setAdding(true)}
        >
          Attribute
        </Button>
      </div>
      <Attributes state={state} adding={adding} onAdded={() => setAdding(false)} />
      {others.length ? (
        <Chips label="Conditions that stand in the line only" terms={others} state={state} />
      ) : null}
    </div>
  );
}

/** All operations of a service; without one, the most frequent of the window. */
function useOperations(service: string, window: { readonly start: string; readonly end: string }) {
  const all = useApi("/operations", { service }, { enabled: service !== "" });
  const frequent = useApi(
    "/attributes/values",
    { key: "operation", ...window, limit: "100" },
    { enabled: service === "", keep: true },
  );
  const names = service
    ? (all.data ?? []).map(({ name }) => name)
    : (frequent.data ?? []).map(({ value }) => value);
  return { names: [...new Set(names)], loading: all.isFetching || frequent.isFetching };
}

function Choice({
  label,
  options,
  value,
  onChange,
}: {
  readonly label: string;
  readonly options: readonly string[];
  readonly value: string;
  onChange(value: string): void;
}) {
  const known = !value || options.includes(value) ? options : [value, ...options];
  return (
    <SelectField
      label={label}
      value={value}
      options={[["", "Any"], ...known.map((option) => [option, option] as const)]}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}

/** Numbers with units, as the server reads them. */
const DURATION = /^\+?((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))+$/;

function DurationField({
  label,
  bound,
  state: { search, change },
}: {
  readonly label: string;
  readonly bound: Bound;
  readonly state: SearchState;
}) {
  const value = durationTerm(search.line, bound)?.comparison?.value ?? "";
  const [draft, setDraft] = useState(value);
  useFollow(value, setDraft);
  const written = draft.replaceAll(/\s/g, "");
  const isWrong = written !== "" && !DURATION.test(written);
  const commit = () => {
    if (written !== value && !isWrong) change({ line: withDuration(search.line, bound, written) });
  };
  return (
    <TextField
      label={label}
      placeholder={bound === "minimum" ? "100ms" : "1.2s"}
      value={draft}
      error={isWrong ? "Such as 500us, 100ms, 1.2s" : undefined}
      onChange={(event) => setDraft(event.currentTarget.value)}
      onBlur={commit}
      onKeyDown={(event) => {
        if (event.key === "Enter") commit();
      }}
    />
  );
}

function Attributes({
  state,
  adding,
  onAdded,
}: {
  readonly state: SearchState;
  /** Whether there is one more row, for a new condition. */
  readonly adding: boolean;
  onAdded(): void;
}) {
  const { search, window, change } = state;
  const { line } = search;
  const { attributes } = formTerms(line);
  const shared = {
    service: fieldTerm(line, "service")?.comparison?.value ?? "",
    window: asParameters(window),
  };
  if (!attributes.length && !adding) return null;
  return (
    <div className={styles.attributes} role="group" aria-label="Attributes">
      {attributes.map((term, index) => (
        <AttributeRow
          key={index}
          {...shared}
          comparison={term.comparison}
          onCommit={(comparison) =>
            change({ line: replaceTerm(line, term, writeComparison(comparison)) })
          }
          onRemove={() => change({ line: replaceTerm(line, term, "") })}
        />
      ))}
      {adding ? (
        <AttributeRow
          key="new"
          {...shared}
          comparison={null}
          onCommit={(comparison) => {
            onAdded();
            change({ line: addTerm(line, writeComparison(comparison)) });
          }}
          onRemove={onAdded}
        />
      ) : null}
    </div>
  );
}
