/** Chooses the part of the trace that is shown: dragged anew, moved, or at its ends. */

import { useRef, useState, type KeyboardEvent, type PointerEvent } from "react";
import { formatDuration } from "@/model/format";
import { pan, type Zoom } from "@/model/timeAxis";
import { lengthOf, setZoom, useTraceView, useView } from "../store";
import styles from "./Minimap.module.css";

type Grip = "from" | "to" | "both" | "new";

interface Drag {
  readonly grip: Grip;
  /** Where it began, and what was shown then. */
  readonly at: number;
  readonly zoom: Zoom;
}

const CLICK_SHARE = 0.004;

export function Brush() {
  const view = useTraceView();
  const zoom = useView(({ zoom }) => zoom);
  const length = lengthOf(view.trace);
  const drag = useRef<Drag | null>(null);
  const [fresh, setFresh] = useState<Zoom | null>(null);
  const timeAt = (event: PointerEvent<HTMLElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * length;
  };
  const isWhole = zoom.from <= 0 && zoom.to >= length;
  const shown = fresh ?? zoom;
  const left = (shown.from / length) * 100;
  const right = (shown.to / length) * 100;
  return (
    <div
      className={styles.brush}
      onDoubleClick={() => setZoom(view, { from: 0, to: length })}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        const wanted = (event.target as HTMLElement).dataset["grip"] as Grip | undefined;
        const grip = isWhole && wanted === "both" ? "new" : (wanted ?? "new");
        drag.current = { grip, at: timeAt(event), zoom };
      }}
      onPointerMove={(event) => {
        if (!drag.current) return;
        const next = dragged(drag.current, timeAt(event));
        if (drag.current.grip === "new") setFresh(next);
        else setZoom(view, next);
      }}
      onPointerUp={() => {
        if (fresh && fresh.to - fresh.from > length * CLICK_SHARE) setZoom(view, fresh);
        drag.current = null;
        setFresh(null);
      }}
      onPointerCancel={() => {
        drag.current = null;
        setFresh(null);
      }}
    >
      <div className={styles.outside} style={{ left: 0, width: `${left}%` }} />
      <div className={styles.outside} style={{ left: `${right}%`, right: 0 }} />
      <div
        className={isWhole && !fresh ? styles.whole : styles.inside}
        data-grip="both"
        style={{ left: `${left}%`, width: `${right - left}%` }}
      />
      <Handle end="from" zoom={zoom} length={length} place={left} />
      <Handle end="to" zoom={zoom} length={length} place={right} />
      {isWhole ? null : (
        <button
          type="button"
          className={styles.reset}
          onPointerDown={(event) => event.stopPropagation()}
          onClick={() => setZoom(view, { from: 0, to: length })}
        >
          Show all {formatDuration(length)}
        </button>
      )}
    </div>
  );
}

function dragged({ grip, at, zoom }: Drag, time: number): Zoom {
  const by = time - at;
  switch (grip) {
    case "from":
      return { from: Math.min(zoom.from + by, zoom.to), to: zoom.to };
    case "to":
      return { from: zoom.from, to: Math.max(zoom.to + by, zoom.from) };
    case "both":
      return { from: zoom.from + by, to: zoom.to + by };
    case "new":
      return { from: Math.min(at, time), to: Math.max(at, time) };
  }
}

function Handle({
  end,
  zoom,
  length,
  place,
}: {
  readonly end: "from" | "to";
  readonly zoom: Zoom;
  readonly length: number;
  readonly place: number;
}) {
  const view = useTraceView();
  const onKeyDown = (event: KeyboardEvent) => {
    const sign = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
    if (!sign) return;
    event.preventDefault();
    const by = sign * length * (event.shiftKey ? 0.1 : 0.01);
    if (event.ctrlKey) setZoom(view, pan(zoom, by / (zoom.to - zoom.from), length));
    else if (end === "from")
      setZoom(view, { from: Math.min(zoom.from + by, zoom.to), to: zoom.to });
    else setZoom(view, { from: zoom.from, to: Math.max(zoom.to + by, zoom.from) });
  };
  return (
    <div
      className={styles.handle}
      data-grip={end}
      data-end={end}
      role="slider"
      tabIndex={0}
      aria-label={end === "from" ? "Start of what is shown" : "End of what is shown"}
      aria-valuemin={0}
      aria-valuemax={Math.round(length)}
      aria-valuenow={Math.round(zoom[end])}
      aria-valuetext={formatDuration(zoom[end])}
      style={{ left: `${place}%` }}
      onKeyDown={onKeyDown}
    />
  );
}
