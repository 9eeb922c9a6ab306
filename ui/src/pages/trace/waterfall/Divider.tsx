/** A line between two parts that can be moved: dragged, or with the arrow keys. */

import type { PointerEvent } from "react";
import styles from "./Divider.module.css";

interface DividerProps {
  readonly label: string;
  /** Of the part before it, or behind it: whatever `onMove` sets. */
  readonly value: number;
  readonly min: number;
  readonly max: number;
  /** What an arrow key adds. */
  readonly step: number;
  /** The value that fits to a horizontal place on the page. */
  valueAt(clientX: number): number;
  onMove(value: number): void;
  /** Whether the value grows to the left. */
  readonly reversed?: boolean;
}

export function Divider({ label, value, min, max, step, valueAt, onMove, reversed }: DividerProps) {
  const move = (wish: number) => onMove(Math.min(max, Math.max(min, wish)));
  const drag = (event: PointerEvent<HTMLDivElement>) => {
    if (event.currentTarget.hasPointerCapture(event.pointerId)) move(valueAt(event.clientX));
  };
  return (
    <div
      className={styles.divider}
      role="separator"
      aria-orientation="vertical"
      aria-label={label}
      aria-valuenow={Math.round(value * 100) / 100}
      aria-valuemin={min}
      aria-valuemax={max}
      tabIndex={0}
      title={label}
      onPointerDown={(event) => {
        event.preventDefault();
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={drag}
      onKeyDown={(event) => {
        const sign = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (!sign) return;
        event.preventDefault();
        move(value + sign * step * (reversed ? -1 : 1));
      }}
    />
  );
}
