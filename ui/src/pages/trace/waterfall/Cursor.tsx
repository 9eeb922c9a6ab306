/** A line under the pointer, with the time it stands at; drawn without rendering anything else. */

import { useEffect, useRef, type RefObject } from "react";
import { formatTick, tickStep, type Zoom } from "@/model/timeAxis";
import styles from "./Cursor.module.css";

export function Cursor({
  area,
  axis,
  zoom,
}: {
  /** Where the pointer is followed. */
  readonly area: RefObject<HTMLElement | null>;
  readonly axis: RefObject<HTMLElement | null>;
  readonly zoom: Zoom;
}) {
  const line = useRef<HTMLDivElement>(null);
  const text = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    const element = area.current;
    const hide = () => {
      if (line.current) line.current.hidden = true;
    };
    const move = (event: PointerEvent) => {
      const box = axis.current?.getBoundingClientRect();
      const drawn = line.current;
      if (!box || !drawn || !text.current) return;
      const share = (event.clientX - box.left) / box.width;
      drawn.hidden = share < 0 || share > 1;
      drawn.style.left = `${share * 100}%`;
      drawn.dataset["side"] = share > 0.8 ? "left" : "right";
      const span = zoom.to - zoom.from;
      text.current.textContent = formatTick(zoom.from + share * span, tickStep(span, 1000));
    };
    element?.addEventListener("pointermove", move);
    element?.addEventListener("pointerleave", hide);
    return () => {
      element?.removeEventListener("pointermove", move);
      element?.removeEventListener("pointerleave", hide);
    };
  }, [area, axis, zoom]);
  return (
    <div ref={line} className={styles.cursor} hidden aria-hidden>
      <span ref={text} className={styles.time} />
    </div>
  );
}
