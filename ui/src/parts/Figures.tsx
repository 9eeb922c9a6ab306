/** Times and durations as every page shows them, exact in the tooltip. */

import { useSettings } from "@/app/settings";
import { formatDuration } from "@/model/format";
import { formatTime, type Precision } from "@/model/time";

export function Duration({ nanos }: { readonly nanos: number }) {
  return (
    <span title={`${Math.round(nanos).toLocaleString("en-US")} ns`}>{formatDuration(nanos)}</span>
  );
}

export function Time({
  micros,
  precision = "millisecond",
}: {
  readonly micros: number;
  readonly precision?: Precision;
}) {
  const zone = useSettings((settings) => settings.zone);
  return (
    <time
      dateTime={new Date(micros / 1000).toISOString()}
      title={formatTime(micros, zone, "microsecond")}
    >
      {formatTime(micros, zone, precision)}
    </time>
  );
}
