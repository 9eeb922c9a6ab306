/** The spans above the topmost line that have scrolled away stay in sight, the nearest of them. */

import { at } from "@/model/trace";
import type { Zoom } from "@/model/timeAxis";
import type { Items } from "@/model/waterfall";
import type { Drawing } from "./drawing";
import { Cells, rowClass } from "./Row";
import type { Lines } from "./useItems";
import { LINE_HEIGHT } from "./listScroller";
import styles from "./StickyAncestors.module.css";

/** Lines that may be covered by ancestors. */
export const COVERED = 4;

interface StickyAncestorsProps {
  readonly ancestors: readonly number[];
  readonly lines: Lines;
  readonly zoom: Zoom;
  readonly drawing: Drawing;
  onPick(index: number): void;
}

/** A picture for the eye only: the lines themselves are in the list. */
export function StickyAncestors({ ancestors, lines, zoom, drawing, onPick }: StickyAncestorsProps) {
  if (!ancestors.length) return null;
  return (
    <div className={styles.sticky} aria-hidden>
      <div className={styles.lines} style={{ height: ancestors.length * LINE_HEIGHT }}>
        {ancestors.map((index, place) => (
          <div
            key={index}
            className={rowClass(lines(index))}
            style={{ top: place * LINE_HEIGHT }}
            onClick={(event) => {
              event.stopPropagation();
              onPick(index);
            }}
          >
            <Cells {...lines(index)} zoom={zoom} drawing={drawing} />
          </div>
        ))}
      </div>
    </div>
  );
}

/** The items to keep in sight above a line: the top of its tree and the nearest others. */
export function ancestorsAbove(items: Items, top: number): number[] {
  let shown: number[] = [];
  // Each line kept covers another one, whose ancestors may be more.
  for (let covered = 0; covered <= COVERED; covered++) {
    const index = top + covered;
    if (index >= items.length) break;
    const chain: number[] = [];
    for (let above = at(items.parents, index); above >= 0; above = at(items.parents, above)) {
      if (above < top + covered) chain.unshift(above);
    }
    const nearest = chain.length > COVERED ? [chain[0]!, ...chain.slice(1 - COVERED)] : chain;
    if (nearest.length <= covered) break;
    shown = nearest;
  }
  return shown.filter((index, place) => index < top + place);
}
