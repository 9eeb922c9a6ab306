/**
 * The lines of connectors: from the end of a lane round its right side to the gap above the lane
 * they lead to, and into its beginning. They keep to the margins, so that they cross no box.
 */

import { useLayoutEffect, useState, type RefObject } from "react";
import type { Join } from "@/model/pipeline";
import styles from "./Flow.module.css";

const MARGIN = 10;
const CORNER = 6;

interface Line {
  readonly key: string;
  readonly path: string;
  /** Where its arrow's tip is. */
  readonly tip: { readonly x: number; readonly y: number };
}

export function Joins({
  joins,
  root,
}: {
  readonly joins: readonly Join[];
  readonly root: RefObject<HTMLDivElement | null>;
}) {
  const [lines, setLines] = useState<readonly Line[]>([]);
  useLayoutEffect(() => {
    const element = root.current;
    if (!element) return undefined;
    const draw = () => setLines(joins.flatMap((join) => drawJoin(element, join)));
    const observer = new ResizeObserver(draw);
    observer.observe(element);
    draw();
    return () => observer.disconnect();
  }, [joins, root]);
  return (
    <svg className={styles.joins} aria-hidden>
      {lines.map(({ key, path, tip }) => (
        <g key={key}>
          <path d={path} />
          <path className={styles.tip} d={`M${tip.x} ${tip.y}l-7 -4v8z`} />
        </g>
      ))}
    </svg>
  );
}

function drawJoin(root: HTMLElement, { connector, from, to }: Join): readonly Line[] {
  const find = (lane: string, side: string) =>
    [...root.querySelectorAll<HTMLElement>("[data-connector]")].find(
      ({ dataset }) =>
        dataset["connector"] === connector && dataset["lane"] === lane && dataset["side"] === side,
    );
  const [source, target] = [find(from, "out"), find(to, "in")];
  const lane = target?.closest("section");
  if (!source || !target || !lane) return [];
  const origin = root.getBoundingClientRect();
  const [start, end, below] = [source, target, lane].map((one) => one.getBoundingClientRect());
  const right = start!.right - origin.left;
  const left = end!.left - origin.left;
  const fromY = start!.top + start!.height / 2 - origin.top;
  const toY = end!.top + end!.height / 2 - origin.top;
  const gapY = below!.top - origin.top - MARGIN;
  const path = [
    `M${right} ${fromY}h${MARGIN - CORNER}q${CORNER} 0 ${CORNER} ${CORNER}`,
    `V${gapY - CORNER}q0 ${CORNER} ${-CORNER} ${CORNER}`,
    `H${left - MARGIN + CORNER}q${-CORNER} 0 ${-CORNER} ${CORNER}`,
    `V${toY - CORNER}q0 ${CORNER} ${CORNER} ${CORNER}H${left - 5}`,
  ];
  return [{ key: `${connector} ${from} ${to}`, path: path.join(""), tip: { x: left, y: toY } }];
}
