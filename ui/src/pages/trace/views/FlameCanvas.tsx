/** The boxes of a flame graph on a canvas: pointed at, walked by keys, zoomed by a click. */

import { useEffect, useMemo, useRef, useState, type KeyboardEvent, type MouseEvent } from "react";
import type { ServiceColor } from "@/model/colors";
import {
  boxAt,
  neighbor,
  type Direction,
  type Extent,
  type FlamePicture,
} from "@/model/flamePicture";
import { at } from "@/model/trace";
import { useTheme } from "@/parts/theme";
import { drawFlame, LANE_HEIGHT, readFlameColors } from "./drawFlame";
import styles from "./FlameView.module.css";

interface FlameCanvasProps {
  readonly picture: FlamePicture;
  readonly colors: ReadonlyMap<string, ServiceColor>;
  readonly isLit: (box: number) => boolean;
  readonly extent: Extent;
  onExtent(extent: Extent): void;
  readonly focused: number;
  onFocus(box: number): void;
  readonly selected: number;
  onSelect(row: number): void;
}

/** Pixels beside a box that still count as on it. */
const NEAR_PIXELS = 2;

const DIRECTIONS: Readonly<Record<string, Direction>> = {
  ArrowUp: "up",
  ArrowDown: "down",
  ArrowLeft: "left",
  ArrowRight: "right",
};

export function FlameCanvas(props: FlameCanvasProps) {
  const { picture, extent, onExtent, focused, onFocus } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [hovered, setHovered] = useState<{ box: number; x: number; y: number } | null>(null);
  useDrawing(props, scroller, canvas);
  const boxUnder = (event: MouseEvent): number => {
    const { left, top, width } = canvas.current!.getBoundingClientRect();
    const unit = (extent.to - extent.from) / width;
    const lane = Math.floor((event.clientY - top + scroller.current!.scrollTop) / LANE_HEIGHT);
    const point = extent.from + (event.clientX - left) * unit;
    return boxAt(picture, lane, point, NEAR_PIXELS * unit);
  };
  const zoomTo = (box: number) => {
    const [from, to] = [at(picture.from, box), at(picture.to, box)];
    const isShown = extent.from === from && extent.to === to;
    // A second click on the same box goes back to what it is part of.
    const target = isShown ? picture.parent(box) : box;
    onExtent(
      target < 0 || to <= from
        ? { from: 0, to: picture.end }
        : { from: at(picture.from, target), to: at(picture.to, target) },
    );
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const direction = DIRECTIONS[event.key];
    if (direction) {
      const next = neighbor(picture, focused, direction);
      onFocus(next);
      showLane(scroller.current!, at(picture.lane, next));
      if (at(picture.to, next) <= extent.from || at(picture.from, next) >= extent.to) {
        onExtent({ from: 0, to: picture.end });
      }
    } else if (event.key === "Enter") zoomTo(focused);
    else if (event.key === " ") props.onSelect(picture.row(focused));
    else if (event.key === "Escape" && extent.to - extent.from < picture.end) {
      onExtent({ from: 0, to: picture.end });
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div className={styles.stage}>
      <div
        ref={scroller}
        className={styles.scroller}
        role="application"
        tabIndex={0}
        aria-label="Flame graph. Arrow keys go from box to box, Enter zooms, Space shows the span, Escape shows all."
        onKeyDown={onKeyDown}
        onMouseMove={(event) => {
          const box = boxUnder(event);
          const { left, top } = scroller.current!.getBoundingClientRect();
          setHovered(box < 0 ? null : { box, x: event.clientX - left, y: event.clientY - top });
        }}
        onMouseLeave={() => setHovered(null)}
        onClick={(event) => {
          const box = boxUnder(event);
          if (box < 0) return;
          onFocus(box);
          zoomTo(box);
        }}
      >
        <canvas ref={canvas} className={styles.canvas} />
        <div style={{ height: picture.lanes * LANE_HEIGHT }} />
      </div>
      {hovered ? <Tooltip picture={picture} {...hovered} /> : null}
    </div>
  );
}

function showLane(scroller: HTMLElement, lane: number): void {
  const top = lane * LANE_HEIGHT;
  const { scrollTop, clientHeight } = scroller;
  if (top < scrollTop) scroller.scrollTop = top;
  else if (top + LANE_HEIGHT > scrollTop + clientHeight) {
    scroller.scrollTop = top + LANE_HEIGHT - clientHeight;
  }
}

/** Draws once a frame at most, when something that is seen has changed. */
function useDrawing(
  { picture, colors, isLit, extent, focused, selected }: FlameCanvasProps,
  scroller: React.RefObject<HTMLDivElement | null>,
  canvas: React.RefObject<HTMLCanvasElement | null>,
): void {
  const theme = useTheme();
  const [size, setSize] = useState({ width: 0, height: 0 });
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      const { width, height } = entry!.contentRect;
      setSize({ width, height });
    });
    observer.observe(scroller.current!);
    return () => observer.disconnect();
  }, [scroller]);
  useEffect(() => {
    const [element, within] = [canvas.current!, scroller.current!];
    const ratio = devicePixelRatio;
    element.width = size.width * ratio;
    element.height = size.height * ratio;
    element.style.width = `${size.width}px`;
    element.style.height = `${size.height}px`;
    const context = element.getContext("2d")!;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const palette = readFlameColors(element, colors);
    let frame = 0;
    const draw = () => {
      frame = 0;
      const { scrollTop } = within;
      drawFlame(context, {
        ...{ picture, extent, isLit, focused, selected, scrollTop, colors: palette },
        ...size,
      });
    };
    const later = () => {
      frame ||= requestAnimationFrame(draw);
    };
    draw();
    within.addEventListener("scroll", later, { passive: true });
    return () => {
      cancelAnimationFrame(frame);
      within.removeEventListener("scroll", later);
    };
  }, [picture, colors, isLit, extent, focused, selected, size, theme, canvas, scroller]);
}

function Tooltip({
  picture,
  box,
  x,
  y,
}: {
  readonly picture: FlamePicture;
  readonly box: number;
  readonly x: number;
  readonly y: number;
}) {
  const place = useMemo(
    () => ({ left: `min(${x + 14}px, calc(100% - 330px))`, top: y + 16 }),
    [x, y],
  );
  return (
    <div className={styles.tooltip} style={place} aria-hidden>
      <strong>{picture.service(box)}</strong> {picture.name(box)}
      <div className={styles.facts}>
        {picture.facts(box)}
        {picture.failed(box) ? ", failed" : ""}
      </div>
    </div>
  );
}
