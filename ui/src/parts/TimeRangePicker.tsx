/** Chooses the stretch of time a page is about: the last so much, or two points in time. */

import { Clock } from "lucide-react";
import { useState } from "react";
import { useSettings } from "@/app/settings";
import { formatTime, offsetOf, parseTime, type Zone } from "@/model/time";
import { describeLookback, windowOf, type Lookback, type TimeRange } from "@/model/timeRange";
import { Button } from "./Button";
import { TextField } from "./Field";
import { Popover } from "./Popover";
import styles from "./TimeRangePicker.module.css";

/** Those offered; the others are read from links alone. */
const PRESETS: readonly Lookback[] = ["15m", "1h", "3h", "6h", "12h", "24h", "2d", "7d"];

interface TimeRangePickerProps {
  readonly range: TimeRange;
  onChange(range: TimeRange): void;
}

export function TimeRangePicker({ range, onChange }: TimeRangePickerProps) {
  const zone = useSettings((settings) => settings.zone);
  const label =
    "lookback" in range
      ? describeLookback(range.lookback)
      : describeWindow(range.startMicros, range.endMicros, zone);
  return (
    <Popover label={label} icon={<Clock size={14} aria-hidden />} align="end">
      {(close) => (
        <Panel
          range={range}
          onChange={(chosen) => {
            onChange(chosen);
            close();
          }}
        />
      )}
    </Popover>
  );
}

/** The date is told once where both ends are on the same. */
function describeWindow(start: number, end: number, zone: Zone): string {
  const from = formatTime(start, zone, "second").slice(0, 19);
  const to = formatTime(end, zone, "second");
  return `${from} – ${from.slice(0, 10) === to.slice(0, 10) ? to.slice(11) : to}`;
}

function Panel({ range, onChange }: TimeRangePickerProps) {
  const zone = useSettings((settings) => settings.zone);
  const [now] = useState(() => Date.now() * 1000);
  const window = windowOf(range, now);
  const [from, setFrom] = useState(() => formatTime(window.start, zone, "second"));
  const [to, setTo] = useState(() => formatTime(window.end, zone, "second"));
  const start = parseTime(from, zone);
  const end = parseTime(to, zone);
  const problem = "Write a date and time such as 2026-11-26 14:30, or seconds since 1970";
  const backwards = start !== null && end !== null && end <= start;
  return (
    <div className={styles.panel}>
      <ul className={styles.lookbacks}>
        {PRESETS.map((lookback) => {
          const chosen = "lookback" in range && range.lookback === lookback;
          return (
            <li key={lookback}>
              <Button
                variant="quiet"
                pressed={chosen}
                {...(chosen ? { "data-autofocus": true } : {})}
                onClick={() => onChange({ lookback })}
              >
                {describeLookback(lookback)}
              </Button>
            </li>
          );
        })}
      </ul>
      <form
        className={styles.absolute}
        onSubmit={(event) => {
          event.preventDefault();
          if (start !== null && end !== null && !backwards) {
            onChange({ startMicros: start, endMicros: end });
          }
        }}
      >
        <TextField
          label="From"
          value={from}
          onChange={(event) => setFrom(event.currentTarget.value)}
          error={start === null ? problem : undefined}
        />
        <TextField
          label="To"
          value={to}
          onChange={(event) => setTo(event.currentTarget.value)}
          error={end === null ? problem : backwards ? "This is before the start" : undefined}
          hint={`Times without an offset are at ${offsetOf(now, zone)}`}
        />
        <Button
          type="submit"
          variant="primary"
          disabled={start === null || end === null || backwards}
        >
          Apply
        </Button>
      </form>
    </div>
  );
}
