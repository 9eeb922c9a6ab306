/** What every view of a trace is given, besides the waterfall: table, flame graph, logs and so on. */

import type { ServiceColor } from "@/model/colors";
import type { TraceData } from "@/model/traceData";

export interface ViewProps {
  readonly trace: TraceData;
  /** Colour of each service, by name. */
  readonly colors: ReadonlyMap<string, ServiceColor>;
  /** The row whose span is shown in detail. */
  readonly selected: number | null;
  onSelect(row: number | null): void;
  /** Rows that match what is searched for in the trace, ascending; null where nothing is. */
  readonly found: Int32Array | null;
  /** Whether only these are shown. */
  readonly matchesOnly: boolean;
  /** Services the user hid, as indexes into `trace.serviceNames`. */
  readonly hiddenServices: ReadonlySet<number>;
  /** Whether times are shown as stored, without corrections for clocks that differ. */
  readonly raw: boolean;
}
