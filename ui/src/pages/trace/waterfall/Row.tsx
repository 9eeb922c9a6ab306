/** One line of the waterfall: a span, siblings that are alike, or what stands for missing spans. */

import { memo, type ReactNode } from "react";
import {
  ChevronDown,
  ChevronRight,
  CircleAlert,
  CircleDashed,
  Layers,
  TriangleAlert,
} from "lucide-react";
import { isAboutClocks } from "@/model/clocks";
import type { ServiceColor } from "@/model/colors";
import { formatCount, formatDuration } from "@/model/format";
import type { Zoom } from "@/model/timeAxis";
import { at, ERROR, ORPHAN, WARNED } from "@/model/trace";
import { nameOf, serviceOf, type TraceData } from "@/model/traceData";
import type { ItemKind } from "@/model/waterfall";
import { ServiceMark } from "@/parts/ServiceMark";
import { Bar } from "./Bar";
import type { Drawing } from "./drawing";
import styles from "./Row.module.css";

/** What a line is of, and how it stands out. */
export interface LineProps {
  readonly trace: TraceData;
  readonly kind: ItemKind;
  readonly row: number;
  /** Members of a group that are listed; null for others. */
  readonly members: Int32Array | null;
  /** From 0. */
  readonly level: number;
  /** Null for items nothing can be below. */
  readonly expanded: boolean | null;
  readonly selected: boolean;
  /** Listed for the sake of others. */
  readonly dimmed: boolean;
  readonly match: boolean;
  readonly color: ServiceColor;
}

export interface RowProps extends LineProps {
  readonly index: number;
  /** Pixels from the beginning of its block. */
  readonly top: number;
  readonly position: number;
  readonly setSize: number;
  /** Whether Tab comes here. */
  readonly focusable: boolean;
  readonly zoom: Zoom;
  readonly drawing: Drawing;
}

/** Pixels a level is indented by. */
export const INDENT = 12;

export const Row = memo(function Row(props: RowProps) {
  return (
    <div
      role="row"
      data-line={props.index}
      className={rowClass(props)}
      style={{ top: props.top }}
      tabIndex={props.focusable ? 0 : -1}
      aria-level={props.level + 1}
      aria-posinset={props.position}
      aria-setsize={props.setSize}
      aria-rowindex={props.index + 2}
      aria-selected={props.selected}
      aria-expanded={props.expanded ?? undefined}
      aria-label={describe(props)}
    >
      <Cells {...props} />
    </div>
  );
});

export function rowClass({ selected, dimmed, match }: LineProps): string {
  const classes = [selected && styles.selected, dimmed && styles.dimmed, match && styles.match];
  return [styles.row, ...classes].filter(Boolean).join(" ");
}

/** What a line shows; the same for the ancestors kept in sight. */
export function Cells(props: LineProps & { readonly zoom: Zoom; readonly drawing: Drawing }) {
  const { kind, level, expanded } = props;
  const Chevron = expanded ? ChevronDown : ChevronRight;
  return (
    <>
      <div role="gridcell" className={styles.tree} tabIndex={-1}>
        <div className={styles.name} style={{ paddingLeft: level * INDENT }}>
          {level ? <span className={styles.guides} style={{ width: level * INDENT }} /> : null}
          <span className={styles.toggle} data-toggle={expanded === null ? undefined : true}>
            {expanded === null ? null : <Chevron size={14} aria-hidden />}
          </span>
          <Name {...props} />
        </div>
      </div>
      <div role="gridcell" className={styles.timeline} tabIndex={-1}>
        {kind === "more" ? null : (
          <Bar {...props.drawing(props)} zoom={props.zoom} color={props.color} />
        )}
      </div>
    </>
  );
}

function Name(props: LineProps) {
  const { trace, kind, row, members, color } = props;
  if (kind === "more") {
    const text = `${formatCount(trace.hidden(row))} more spans`;
    return (
      <span className={styles.more}>
        <Layers size={13} aria-hidden /> {text}: open them
      </span>
    );
  }
  return (
    <>
      <ServiceMark color={color} />
      {members ? <span className={styles.times}>×{formatCount(members.length)}</span> : null}
      <Signs {...props} />
      <span className={styles.service}>{serviceOf(trace, row)}</span>
      <span className={styles.operation}>{nameOf(trace, row)}</span>
    </>
  );
}

/** What is wrong with a span: its own error, errors below it, warnings. */
function Signs({ trace, row, members }: LineProps): ReactNode {
  const flags = at(trace.flags, row);
  const own = members ? countErrors(trace, members) : flags & ERROR;
  const below = members ? 0 : at(trace.errorsBelow, row);
  return (
    <>
      {own ? (
        <span className={styles.error}>
          <CircleAlert size={13} aria-hidden />
          {members ? `${formatCount(own)} ` : ""}
          {own > 1 ? "errors" : "error"}
        </span>
      ) : below ? (
        <span className={styles.inherited} title="Errors in spans below this one">
          <CircleDashed size={13} aria-hidden />
          {formatCount(below)} below
        </span>
      ) : null}
      {!members && (flags & ORPHAN || isWarned(trace, row)) ? (
        <span
          className={styles.warning}
          title={
            flags & ORPHAN ? "The parent is not in this trace" : trace.warnings(row).join("\n")
          }
        >
          <TriangleAlert size={13} aria-hidden />
        </span>
      ) : null}
    </>
  );
}

/** Clocks that differ are told once for the trace, not on each of its spans. */
function isWarned(trace: TraceData, row: number): boolean {
  const flags = at(trace.flags, row);
  return (flags & WARNED) !== 0 && !trace.warnings(row).every(isAboutClocks);
}

function countErrors(trace: TraceData, rows: Int32Array): number {
  let errors = 0;
  for (const row of rows) errors += at(trace.flags, row) & ERROR;
  return errors;
}

/** What a screen reader says of a line; the level it tells by itself. */
function describe({ trace, kind, row, members }: LineProps): string {
  if (kind === "more") return `${trace.hidden(row)} more spans, Enter opens them`;
  const flags = at(trace.flags, row);
  const errors = members ? countErrors(trace, members) : flags & ERROR;
  return [
    serviceOf(trace, row),
    members ? `${members.length} times ${nameOf(trace, row)}` : nameOf(trace, row),
    members ? "" : formatDuration(at(trace.duration, row)),
    errors ? (members ? `${errors} errors` : "error") : "",
    !members && at(trace.errorsBelow, row) ? `${at(trace.errorsBelow, row)} errors below` : "",
    flags & ORPHAN ? "parent missing" : "",
    isWarned(trace, row) ? "has warnings" : "",
  ]
    .filter(Boolean)
    .join(", ");
}
