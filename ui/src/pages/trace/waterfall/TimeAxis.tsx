/** The times above the bars. Dragging zooms to a stretch; with the focus, arrow keys zoom and pan. */

import {
  useLayoutEffect,
  useRef,
  useState,
  type KeyboardEvent,
  type PointerEvent,
  type RefObject,
} from "react";
import { formatDuration } from "@/model/format";
import { formatTick, pan, ticks, zoomAt, type Zoom } from "@/model/timeAxis";
import styles from "./TimeAxis.module.css";

interface TimeAxisProps {
  readonly zoom: Zoom;
  readonly length: number;
  onZoom(zoom: Zoom): void;
}

const TICK_PIXELS = 110;
/** At most what a character of a time takes. */
const CHARACTER_PIXELS = 7;
const CLICK_PIXELS = 4;

export function TimeAxis({ zoom, length, onZoom }: TimeAxisProps) {
  const element = useRef<HTMLDivElement>(null);
  const width = useWidth(element);
  const { step, at } = ticks(zoom, Math.max(1, width / TICK_PIXELS));
  const [drag, setDrag] = useState<{ from: number; to: number } | null>(null);
  const begin = useRef(0);
  const place = (event: PointerEvent<HTMLDivElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  };
  const span = zoom.to - zoom.from;
  const percent = (time: number) => `${(100 * (time - zoom.from)) / span}%`;
  return (
    <div
      ref={element}
      className={styles.axis}
      role="slider"
      tabIndex={0}
      aria-label="Shown time; up and down zoom, left and right move"
      aria-valuemin={0}
      aria-valuemax={Math.round(length)}
      aria-valuenow={Math.round(zoom.from)}
      aria-valuetext={`${formatDuration(zoom.from)} to ${formatDuration(zoom.to)} of ${formatDuration(length)}`}
      title="Drag to zoom; double-click to see all; Ctrl and the wheel zoom"
      onKeyDown={(event) => {
        const next = moveByKey(event, zoom, length);
        if (!next) return;
        event.preventDefault();
        onZoom(next);
      }}
      onDoubleClick={() => onZoom({ from: 0, to: length })}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        begin.current = place(event);
      }}
      onPointerMove={(event) => {
        if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
        const to = place(event);
        setDrag({ from: Math.min(begin.current, to), to: Math.max(begin.current, to) });
      }}
      onPointerUp={() => {
        if (drag && (drag.to - drag.from) * width > CLICK_PIXELS) {
          onZoom({ from: zoom.from + drag.from * span, to: zoom.from + drag.to * span });
        }
        setDrag(null);
      }}
      onPointerCancel={() => setDrag(null)}
    >
      {at.map((time) => {
        const text = formatTick(time, step);
        const room = ((zoom.to - time) / span) * width;
        const needed = text.length * CHARACTER_PIXELS + 8;
        // Near the end a time stands before its line, if there is room.
        const isBefore = room < needed;
        const isShown = !isBefore || (step / span) * width > 2 * needed;
        return (
          <span key={time} className={styles.tick} style={{ left: percent(time) }}>
            {isShown ? (
              <span className={styles.text} data-before={isBefore || undefined}>
                {text}
              </span>
            ) : null}
          </span>
        );
      })}
      {drag ? (
        <span
          className={styles.drag}
          style={{ left: `${drag.from * 100}%`, width: `${(drag.to - drag.from) * 100}%` }}
        />
      ) : null}
    </div>
  );
}

function moveByKey(event: KeyboardEvent, zoom: Zoom, length: number): Zoom | null {
  const large = event.shiftKey ? 5 : 1;
  const middle = (zoom.from + zoom.to) / 2;
  switch (event.key) {
    case "ArrowLeft":
      return pan(zoom, -0.1 * large, length);
    case "ArrowRight":
      return pan(zoom, 0.1 * large, length);
    case "ArrowUp":
      return zoomAt(zoom, middle, event.shiftKey ? 0.4 : 0.8, length);
    case "ArrowDown":
      return zoomAt(zoom, middle, event.shiftKey ? 2.5 : 1.25, length);
    case "Home":
      return { from: 0, to: length };
    default:
      return null;
  }
}

function useWidth(element: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const measure = () => setWidth(element.current!.clientWidth);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element.current!);
    return () => observer.disconnect();
  }, [element]);
  return width;
}
