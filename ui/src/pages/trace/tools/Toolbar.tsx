/** Finds, filters and steps through the spans of a trace. */

import {
  ChevronDown,
  ChevronsDownUp,
  ChevronsUpDown,
  ChevronUp,
  CircleAlert,
  Route,
  Search,
  SlidersHorizontal,
  X,
} from "lucide-react";
import { useMemo, useState } from "react";
import { formatDuration } from "@/model/format";
import { at, ERROR } from "@/model/trace";
import { readDuration } from "@/model/duration";
import { Button, IconButton } from "@/parts/Button";
import { CheckBox } from "@/parts/Field";
import { Popover } from "@/parts/Popover";
import { usePreferences, type Marks } from "../preferences";
import { collapseAll, expandAll, selectError, selectMatch, useTraceView, useView } from "../store";
import { FIND_BOX } from "../useTraceShortcuts";
import styles from "./Toolbar.module.css";

export function Toolbar({ waterfall }: { readonly waterfall: boolean }) {
  return (
    <div className={styles.toolbar} role="toolbar" aria-label="Find and filter">
      <FindBox />
      {waterfall ? (
        <>
          <MinDuration />
          <Errors />
          <CriticalPathButton />
          <span className={styles.space} />
          <Levels />
          <Options />
        </>
      ) : null}
    </div>
  );
}

function FindBox() {
  const view = useTraceView();
  const find = useView(({ find }) => find);
  const found = useView(({ found }) => found);
  const selected = useView(({ selected }) => selected);
  const matchesOnly = useView(({ matchesOnly }) => matchesOnly);
  const place = found && selected !== null ? found.indexOf(selected) + 1 : 0;
  return (
    <div className={styles.find} role="search" aria-label="In this trace">
      <div className={styles.box}>
        <Search size={14} aria-hidden />
        <input
          id={FIND_BOX}
          aria-label="Find in the trace"
          placeholder='Find: words, "phrases", key=value, -key'
          title="Any of the words; quotes for phrases; key=value; a span id; -word leaves out keys with it"
          value={find}
          spellCheck={false}
          autoComplete="off"
          onChange={(event) => view.store.setState({ find: event.currentTarget.value })}
          onKeyDown={(event) => {
            if (event.key === "Enter") selectMatch(view, !event.shiftKey);
            if (event.key === "Escape") event.currentTarget.blur();
          }}
        />
        {found ? (
          <span className={styles.count}>
            {place ? `${place} of ` : ""}
            {found.length.toLocaleString("en-US")}
            {found.length === 1 ? " match" : " matches"}
          </span>
        ) : null}
        {find ? (
          <IconButton
            label="Clear the search"
            icon={<X size={14} />}
            onClick={() => view.store.setState({ find: "", matchesOnly: false })}
          />
        ) : null}
      </div>
      <IconButton
        label="Previous match (Shift+Enter)"
        icon={<ChevronUp size={16} />}
        disabled={!found?.length}
        onClick={() => selectMatch(view, false)}
      />
      <IconButton
        label="Next match (Enter)"
        icon={<ChevronDown size={16} />}
        disabled={!found?.length}
        onClick={() => selectMatch(view, true)}
      />
      <CheckBox
        label="Matches only"
        checked={matchesOnly}
        onChange={(event) => view.store.setState({ matchesOnly: event.currentTarget.checked })}
      />
    </div>
  );
}

function MinDuration() {
  const { store } = useTraceView();
  const nanos = useView(({ minDurationNanos }) => minDurationNanos);
  const [text, setText] = useState(nanos ? formatDuration(nanos) : "");
  const read = readDuration(text);
  return (
    <input
      className={styles.duration}
      aria-label="Shortest duration shown"
      placeholder="Min. duration"
      title="Hides spans that are shorter, such as 500us, 10ms or 1.5s"
      value={text}
      aria-invalid={text.trim() !== "" && read === null ? true : undefined}
      onChange={(event) => {
        setText(event.currentTarget.value);
        store.setState({ minDurationNanos: readDuration(event.currentTarget.value) ?? 0 });
      }}
    />
  );
}

function Errors() {
  const view = useTraceView();
  const { trace } = view;
  const errors = useMemo(() => countErrors(trace.flags), [trace]);
  if (!errors) return null;
  return (
    <div className={styles.errors}>
      <Button
        variant="quiet"
        className={styles.errorButton ?? ""}
        title="Next error (e)"
        icon={<CircleAlert size={14} aria-hidden />}
        onClick={() => selectError(view, true)}
      >
        {errors === 1 ? "1 error" : `${errors.toLocaleString("en-US")} errors`}
      </Button>
      <IconButton
        label="Previous error (E)"
        icon={<ChevronUp size={16} />}
        onClick={() => selectError(view, false)}
      />
      <IconButton
        label="Next error (e)"
        icon={<ChevronDown size={16} />}
        onClick={() => selectError(view, true)}
      />
    </div>
  );
}

function countErrors(flags: Uint8Array): number {
  let errors = 0;
  for (let row = 0; row < flags.length; row++) errors += at(flags, row) & ERROR;
  return errors;
}

function CriticalPathButton() {
  const { marks, setMark } = usePreferences();
  return (
    <Button
      variant="quiet"
      pressed={marks.criticalPath}
      title="What the trace waited for, as a line on the bars (c)"
      icon={<Route size={14} aria-hidden />}
      onClick={() => setMark("criticalPath", !marks.criticalPath)}
    >
      Critical path
    </Button>
  );
}

function Levels() {
  const view = useTraceView();
  return (
    <>
      <IconButton
        label="Open all ( ] )"
        icon={<ChevronsUpDown size={15} />}
        onClick={() => expandAll(view)}
      />
      <IconButton
        label="Close all ( [ )"
        icon={<ChevronsDownUp size={15} />}
        onClick={() => collapseAll(view)}
      />
    </>
  );
}

const MARKS: readonly (readonly [keyof Marks, string])[] = [
  ["criticalPath", "Critical path"],
  ["gaps", "Hatch gaps, where no span below ran"],
  ["selfTime", "Fade time spent in children"],
  ["events", "Events as ticks"],
];

function Options() {
  const { marks, setMark, groupSiblings, set } = usePreferences();
  return (
    <Popover
      label="Show"
      icon={<SlidersHorizontal size={14} aria-hidden />}
      align="end"
      variant="quiet"
    >
      {() => (
        <div className={styles.options}>
          {MARKS.map(([mark, label]) => (
            <CheckBox
              key={mark}
              label={label}
              checked={marks[mark]}
              onChange={(event) => setMark(mark, event.currentTarget.checked)}
            />
          ))}
          <CheckBox
            label="Group similar spans"
            checked={groupSiblings}
            onChange={(event) => set({ groupSiblings: event.currentTarget.checked })}
          />
          <p className={styles.key}>Red stripes at the end of a bar: the span failed.</p>
        </div>
      )}
    </Popover>
  );
}
