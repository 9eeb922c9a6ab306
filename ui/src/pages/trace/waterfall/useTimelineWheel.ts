/** The wheel over the waterfall: with Ctrl it zooms where the pointer is, sideways it pans. */

import { useEffect, type RefObject } from "react";
import { pan, zoomAt } from "@/model/timeAxis";
import { lengthOf, setZoom, useTraceView } from "../store";

const ZOOM_PER_PIXEL = 0.002;

export function useTimelineWheel(
  area: RefObject<HTMLElement | null>,
  axis: RefObject<HTMLElement | null>,
  sideways: RefObject<HTMLElement | null>,
): void {
  const view = useTraceView();
  useEffect(() => {
    const element = area.current;
    const turn = (event: WheelEvent) => {
      const box = axis.current?.getBoundingClientRect();
      if (!box) return;
      const share = (event.clientX - box.left) / box.width;
      const { zoom } = view.store.getState();
      const length = lengthOf(view.trace);
      const across = event.shiftKey && !event.deltaX ? event.deltaY : event.deltaX;
      if (event.ctrlKey && share >= 0) {
        const factor = Math.exp(event.deltaY * ZOOM_PER_PIXEL);
        setZoom(view, zoomAt(zoom, zoom.from + share * (zoom.to - zoom.from), factor, length));
      } else if (Math.abs(across) > Math.abs(event.shiftKey ? 0 : event.deltaY)) {
        if (share >= 0) setZoom(view, pan(zoom, across / box.width, length));
        else sideways.current?.scrollBy(across, 0);
      } else {
        return;
      }
      event.preventDefault();
    };
    // React's own listeners can't keep the browser from zooming the page.
    element?.addEventListener("wheel", turn, { passive: false });
    return () => element?.removeEventListener("wheel", turn);
  }, [area, axis, sideways, view]);
}
