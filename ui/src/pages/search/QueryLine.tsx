/** The search in one line of text, with suggestions of what can be written next. */

import { Search, X } from "lucide-react";
import { useEffect, useId, useMemo, useRef, useState, type ReactNode } from "react";
import { Button, IconButton } from "@/parts/Button";
import { asParameters } from "@/model/timeRange";
import { contextAt, insertAt } from "@/model/lineSuggestions";
import { linkTo, useUrl } from "@/url/location";
import { readTraceId } from "@/url/traceId";
import { LineProblem } from "./LineProblem";
import type { SearchState } from "./useSearch";
import { useLineSuggestions, type LineSuggestion } from "./useSuggestions";
import styles from "./QueryLine.module.css";

interface QueryLineProps {
  readonly state: SearchState;
  /** What the server found wrong with the line. */
  readonly problem: string | null;
  /** Enter was pressed. */
  onEnter(): void;
  /** Between the line and its button. */
  readonly children: ReactNode;
}

export function QueryLine({ state, problem, onEnter, children }: QueryLineProps) {
  const { search, window, change, refresh } = state;
  const { go } = useUrl();
  const [draft, setDraft] = useState(search.line);
  const [caret, setCaret] = useState<number | null>(null);
  const [chosen, setChosen] = useState(-1);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  useFollow(search.line, setDraft);
  const context = useMemo(() => (caret === null ? null : contextAt(draft, caret)), [draft, caret]);
  const { suggestions, loading, foot } = useLineSuggestions(draft, context, asParameters(window));
  const open = context !== null && (suggestions.length > 0 || loading);
  const close = () => {
    setCaret(null);
    setChosen(-1);
  };
  const put = (line: string, at: number) => {
    setDraft(line);
    setCaret(at);
    setChosen(-1);
    requestAnimationFrame(() => input.current?.setSelectionRange(at, at));
  };
  const submit = (line: string) => {
    close();
    const traceId = readTraceId(line);
    if (traceId) go(linkTo(`/trace/${traceId}`));
    else if (line.trim() === search.line && !search.traceIds.length) refresh();
    else change({ line });
  };
  const accept = ({ text }: LineSuggestion) => {
    if (!context) return;
    const inserted = insertAt(draft, context, text);
    put(inserted.line, inserted.caret);
  };
  return (
    <div role="search" aria-label="Traces" className={styles.form}>
      <form
        id={`${id}-form`}
        className={styles.box}
        onSubmit={(event) => {
          event.preventDefault();
          submit(draft);
          onEnter();
        }}
      >
        <Search size={15} className={styles.icon} aria-hidden />
        <input
          ref={input}
          className={styles.input}
          role="combobox"
          aria-label="Search line"
          aria-autocomplete="list"
          aria-expanded={open}
          aria-controls={`${id}-list`}
          aria-activedescendant={open && chosen >= 0 ? `${id}-${chosen}` : undefined}
          aria-invalid={problem ? true : undefined}
          aria-describedby={problem ? `${id}-problem` : undefined}
          placeholder="service=… duration>1s error, or a trace id"
          value={draft}
          spellCheck={false}
          autoComplete="off"
          autoCapitalize="none"
          onChange={(event) => {
            setDraft(event.currentTarget.value);
            setCaret(event.currentTarget.selectionStart);
            setChosen(-1);
          }}
          onPaste={(event) => {
            const traceId = draft ? null : readTraceId(event.clipboardData.getData("text"));
            if (!traceId) return;
            event.preventDefault();
            go(linkTo(`/trace/${traceId}`));
          }}
          onClick={(event) => setCaret(event.currentTarget.selectionStart)}
          onBlur={(event) => {
            close();
            // As every field, the line counts once it is left for another part of the page.
            const bar = event.currentTarget.closest("[role=search]");
            const left = document.activeElement !== event.currentTarget;
            if (left && !bar?.contains(event.relatedTarget) && draft.trim() !== search.line) {
              change({ line: draft });
            }
          }}
          onKeyUp={(event) => {
            if (caret !== null && /^(Arrow(Left|Right)|Home|End)$/.test(event.key)) {
              setCaret(event.currentTarget.selectionStart);
              setChosen(-1);
            }
          }}
          onKeyDown={(event) => {
            const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
            if (step) {
              event.preventDefault();
              if (caret === null) setCaret(event.currentTarget.selectionStart);
              else if (suggestions.length) setChosen(nextChoice(chosen, step, suggestions.length));
            } else if (event.key === "Escape" && open) {
              event.stopPropagation();
              event.preventDefault();
              close();
            } else if (event.key === "Enter") {
              const picked = open ? suggestions[chosen] : undefined;
              if (!picked) return;
              event.preventDefault();
              accept(picked);
            }
          }}
        />
        {draft ? (
          <IconButton
            label="Clear the search"
            icon={<X size={14} />}
            onClick={() => {
              setDraft("");
              if (search.line) change({ line: "" });
              input.current?.focus();
            }}
          />
        ) : null}
        <SuggestionList
          id={id}
          open={open}
          loading={loading}
          suggestions={suggestions}
          foot={foot}
          chosen={chosen}
          onAccept={accept}
        />
      </form>
      {children}
      <Button type="submit" form={`${id}-form`} variant="primary">
        Search
      </Button>
      {problem ? (
        <LineProblem
          id={`${id}-problem`}
          line={search.line}
          problem={problem}
          onGo={(at) => {
            input.current?.focus();
            put(draft, Math.min(at, draft.length));
          }}
        />
      ) : null}
    </div>
  );
}

/** Sets a draft to a value that has changed elsewhere. */
export function useFollow(value: string, setDraft: (value: string) => void): void {
  const set = useRef(setDraft);
  useEffect(() => set.current(value), [value]);
}

/** From the list's end to its beginning and back, by way of none. */
function nextChoice(chosen: number, step: number, count: number): number {
  return ((chosen + 1 + step + count + 1) % (count + 1)) - 1;
}

interface SuggestionListProps {
  readonly id: string;
  readonly open: boolean;
  readonly loading: boolean;
  readonly suggestions: readonly LineSuggestion[];
  readonly foot: string | undefined;
  readonly chosen: number;
  onAccept(suggestion: LineSuggestion): void;
}

function SuggestionList(props: SuggestionListProps) {
  const { id, open, loading, suggestions, foot, chosen, onAccept } = props;
  const told = suggestions.length ? foot : loading ? "Looking…" : undefined;
  useEffect(() => {
    document.getElementById(`${id}-${chosen}`)?.scrollIntoView({ block: "nearest" });
  }, [id, chosen]);
  return (
    <ul
      id={`${id}-list`}
      role="listbox"
      aria-label="Suggestions"
      className={styles.list}
      hidden={!open}
      // A click must not take the focus from the line.
      onPointerDown={(event) => event.preventDefault()}
    >
      {suggestions.map((suggestion, index) => (
        <li
          key={`${suggestion.label}\n${suggestion.note}`}
          id={`${id}-${index}`}
          role="option"
          aria-selected={index === chosen}
          className={styles.item}
          onClick={() => onAccept(suggestion)}
        >
          <span className={styles.label}>{suggestion.label}</span>
          <span className={styles.note}>{suggestion.note}</span>
        </li>
      ))}
      {told ? (
        <li role="option" aria-selected={false} aria-disabled className={styles.note}>
          {told}
        </li>
      ) : null}
    </ul>
  );
}
