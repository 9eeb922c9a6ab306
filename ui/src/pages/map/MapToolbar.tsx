/** What of the map is shown, and of which stretch of time. */

import { ChevronRight, Network, RefreshCw, Table2 } from "lucide-react";
import { useRef, useState } from "react";
import { useShortcuts } from "@/app/shortcuts";
import type { Hops, ServiceMap } from "@/model/serviceMap";
import { Button, IconButton } from "@/parts/Button";
import { Combobox } from "@/parts/Combobox";
import { SelectField, TextField } from "@/parts/Field";
import { TimeRangePicker } from "@/parts/TimeRangePicker";
import { useUrl } from "@/url/location";
import type { TimeWindow } from "@/url/timeWindow";
import styles from "./ServiceMapPage.module.css";

const MAX_SUGGESTIONS = 50;
const HOPS = [
  ["1", "1 call away"],
  ["2", "2 calls away"],
  ["3", "3 calls away"],
  ["all", "all services"],
] as const;
const THRESHOLDS = [
  [0, "all calls"],
  [10, "10 calls or more"],
  [100, "100 calls or more"],
  [1000, "1,000 calls or more"],
  [10_000, "10,000 calls or more"],
] as const;

interface MapToolbarProps {
  readonly map: ServiceMap;
  readonly time: TimeWindow;
  readonly focus: string | null;
  readonly hops: Hops;
  readonly minCalls: number;
  readonly find: string;
  readonly asTable: boolean;
  readonly found: ReadonlySet<string> | null;
  readonly refreshing: boolean;
  /** Goes to the next service that was found. */
  onNext(): void;
}

export function MapToolbar(props: MapToolbarProps) {
  const { map, time, focus, hops, minCalls, find, found, asTable } = props;
  const { change } = useUrl();
  const thresholds: (readonly [string, string])[] = THRESHOLDS.map(([calls, text]) => [
    String(calls),
    text,
  ]);
  if (!THRESHOLDS.some(([calls]) => calls === minCalls)) {
    thresholds.push([String(minCalls), `${minCalls} calls or more`]);
  }
  return (
    <div className={styles.toolbar} role="search" aria-label="What the map shows">
      <FocusField key={focus ?? ""} map={map} focus={focus} />
      <SelectField
        label="Neighbours"
        options={HOPS}
        value={focus ? String(hops) : "all"}
        disabled={!focus}
        onChange={(event) => change({ hops: event.currentTarget.value })}
      />
      <SelectField
        label="Edges"
        options={thresholds}
        value={String(minCalls)}
        onChange={(event) =>
          change({ min: event.currentTarget.value === "0" ? null : event.currentTarget.value })
        }
      />
      <FindField find={find} found={found} onNext={props.onNext} />
      <div className={styles.right}>
        <div role="group" aria-label="View" className={styles.views}>
          <Button
            icon={<Network size={14} aria-hidden />}
            pressed={!asTable}
            onClick={() => change({ view: "map" })}
          >
            Map
          </Button>
          <Button
            icon={<Table2 size={14} aria-hidden />}
            pressed={asTable}
            onClick={() => change({ view: "table" })}
          >
            Table
          </Button>
        </div>
        <TimeRangePicker range={time.range} onChange={time.setRange} />
        <IconButton
          label="Refresh"
          icon={<RefreshCw size={15} />}
          disabled={props.refreshing}
          onClick={time.refresh}
        />
      </div>
    </div>
  );
}

function FocusField({ map, focus }: { readonly map: ServiceMap; readonly focus: string | null }) {
  const { change } = useUrl();
  const [text, setText] = useState(focus ?? "");
  const known = map.nodes.map(({ service }) => service);
  const wanted = text.toLowerCase();
  const suggestions = known
    .filter((service) => text === focus || service.toLowerCase().includes(wanted))
    .slice(0, MAX_SUGGESTIONS)
    .map((value) => ({ value }));
  const isKnown = !text || known.includes(text);
  return (
    <div className={styles.focusField}>
      <Combobox
        label="Focus on a service"
        placeholder="all services"
        value={text}
        suggestions={suggestions}
        onInput={setText}
        onPick={(picked) => {
          setText(picked);
          if (!picked) change({ service: null });
          else if (known.includes(picked)) change({ service: picked, sel: picked, from: null });
        }}
      />
      {focus || !isKnown ? (
        <Button
          variant="quiet"
          className={styles.clear ?? ""}
          onClick={() => {
            setText("");
            change({ service: null, hops: "all", sel: null, from: null });
          }}
        >
          Show all
        </Button>
      ) : null}
    </div>
  );
}

function FindField({ find, found, onNext }: Pick<MapToolbarProps, "find" | "found" | "onNext">) {
  const { change } = useUrl();
  const input = useRef<HTMLInputElement>(null);
  useShortcuts([
    {
      keys: ["/"],
      description: "Find a service",
      group: "Service map",
      run: () => input.current?.focus(),
    },
  ]);
  return (
    <form
      className={styles.find}
      onSubmit={(event) => {
        event.preventDefault();
        onNext();
      }}
    >
      <TextField
        ref={input}
        label="Find"
        type="search"
        placeholder="part of a name"
        value={find}
        onChange={(event) => change({ uiFind: event.currentTarget.value }, { replace: true })}
      />
      <IconButton
        type="submit"
        label="Go to the next one found"
        icon={<ChevronRight size={16} />}
        disabled={!found?.size}
      />
      <span className={styles.count} role="status">
        {found ? `${found.size} found` : ""}
      </span>
    </form>
  );
}
