/** The drawn map: edges on a canvas, services and labels as buttons over it, all moved together. */

import { Maximize, Minus, Plus } from "lucide-react";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useShortcuts } from "@/app/shortcuts";
import { rateUnit } from "@/model/format";
import { boxAround, edgeAt, type Box, type Layout, type Point } from "@/model/mapLayout";
import { describeEdge, type ServiceMap } from "@/model/serviceMap";
import { IconButton } from "@/parts/Button";
import { tokenReader, useTheme } from "@/parts/theme";
import { drawEdges } from "./drawEdges";
import { EdgeLabel, MapNodeButton } from "./MapNodes";
import type { Selection } from "./selection";
import { useDragging } from "./useDragging";
import { Viewport, type View } from "./viewport";
import styles from "./MapView.module.css";

/** Labels that are shown at once where no room was kept for them. */
const MAX_CROWDED_LABELS = 30;
const EDGE_REACH_PIXELS = 7;
const PAN_PIXELS = 80;
const ZOOM_STEP = 1.3;

export interface MapViewProps {
  readonly map: ServiceMap;
  readonly layout: Layout;
  /** Differs where the layout is of other services or calls: the whole is shown anew. */
  readonly layoutKey: string;
  readonly seconds: number;
  readonly focus: string | null;
  /** Where a map that is too large to be read at once is opened. */
  readonly start: string | null;
  readonly selection: Selection | null;
  readonly found: ReadonlySet<string> | null;
  /** The service the find box has led to. */
  readonly reveal: string | null;
  onSelect(selection: Selection | null): void;
  onFocus(service: string): void;
}

export function MapView(props: MapViewProps) {
  const { map, layout, selection, found, focus, start } = props;
  const frame = useRef<HTMLDivElement>(null);
  const layer = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [hovered, setHovered] = useState(-1);
  const [tabStop, setTabStop] = useState<string | null>(null);
  const strong = useMemo(() => strongEdges(map, selection), [map, selection]);
  const theme = useTheme();

  const [viewport] = useState(() => new Viewport());
  const draw = useCallback(
    (view: View) => {
      const element = canvas.current;
      const context = element?.getContext("2d");
      if (!element || !context) return;
      drawEdges(context, {
        edges: map.edges,
        shapes: layout.edges,
        view,
        width: element.clientWidth,
        height: element.clientHeight,
        strong,
        hovered,
        ink: tokenReader(element),
      });
    },
    [map, layout, strong, hovered],
  );
  useEffect(() => {
    return frame.current && layer.current
      ? viewport.attach(frame.current, layer.current)
      : undefined;
  }, [viewport]);
  useEffect(() => viewport.show(layout.width, layout.height, draw), [viewport, layout, draw]);
  useEffect(() => viewport.redraw(), [viewport, theme]);
  useCanvasSize(canvas, viewport);
  const chosen = useMemo(() => boxOf(layout, selection), [layout, selection]);
  useOpening(viewport, props.layoutKey, chosen ?? boxAround(layout, [start ?? ""]));
  useEffect(() => viewport.keep(chosen), [viewport, chosen]);
  useEffect(() => {
    const place = props.reveal === null ? undefined : layout.nodes.get(props.reveal);
    if (place) viewport.reveal(place);
  }, [props.reveal, layout, viewport]);

  const edgeUnder = (point: Point) =>
    edgeAt(layout.edges, viewport.toMap(point), EDGE_REACH_PIXELS / viewport.zoom);
  const { onSelect } = props;
  const select = useCallback(
    (chosen: Selection | null) => {
      // The panel that opens takes room: what was clicked must not move.
      viewport.stay();
      onSelect(chosen);
    },
    [onSelect, viewport],
  );
  const selectNode = useCallback((service: string) => select({ service }), [select]);
  const selectEdge = useCallback(
    (index: number) => {
      const edge = map.edges[index];
      select(edge ? { caller: edge.caller, callee: edge.callee } : null);
    },
    [map, select],
  );
  const dragging = useDragging({
    onPan: (dx, dy) => viewport.panBy(dx, dy),
    onClick: (point) => selectEdge(edgeUnder(point)),
    onHover: (point) => setHovered(point ? edgeUnder(point) : -1),
  });
  useMapShortcuts(viewport);
  const goByArrow = useCallback(
    (service: string, key: string) => {
      const next = nextByArrow(layout, service, key);
      if (!next) return;
      setTabStop(next);
      viewport.reveal(layout.nodes.get(next)!);
      frame.current
        ?.querySelector<HTMLElement>(`[data-service="${CSS.escape(next)}"]`)
        ?.focus({ preventScroll: true });
    },
    [layout, viewport],
  );

  const most = map.nodes.reduce((most, { requests }) => Math.max(most, requests), 0);
  const unit = rateUnit(most / props.seconds);
  const selected = selection && "service" in selection ? selection.service : null;
  const stop = tabStop && layout.nodes.has(tabStop) ? tabStop : (focus ?? map.nodes[0]?.service);
  const near = nearSelection(map, strong, selected);
  const labels = labelledEdges(layout, strong, hovered);
  const hoveredEdge = map.edges[hovered];
  return (
    <div className={styles.view}>
      <div
        ref={frame}
        className={styles.frame}
        role="group"
        aria-label="Service map; arrow keys go from service to service"
        data-edge={hovered >= 0 || undefined}
        {...dragging}
      >
        <canvas ref={canvas} className={styles.canvas} aria-hidden />
        <div ref={layer} className={styles.layer}>
          {labels.map((index) => (
            <EdgeLabel
              key={`${map.edges[index]!.caller}\n${map.edges[index]!.callee}`}
              edge={map.edges[index]!}
              shape={layout.edges[index]!}
              index={index}
              isSelected={isEdgeSelected(selection, map, index)}
              isFaint={strong !== null && !strong.has(index)}
              onSelect={selectEdge}
              onHover={setHovered}
            />
          ))}
          {map.nodes.map((node) => {
            const place = layout.nodes.get(node.service);
            return place ? (
              <MapNodeButton
                key={node.service}
                node={node}
                place={place}
                seconds={props.seconds}
                rateUnit={unit}
                isSelected={node.service === selected}
                isFocus={node.service === focus}
                isFound={found?.has(node.service) ?? false}
                isFaint={isFaint(node.service, found, near)}
                isTabStop={node.service === stop}
                onSelect={selectNode}
                onFocus={props.onFocus}
                onArrow={goByArrow}
              />
            ) : null;
          })}
        </div>
        {hoveredEdge ? (
          <p className={styles.tip} aria-hidden>
            {describeEdge(hoveredEdge)}
          </p>
        ) : null}
      </div>
      <p className={styles.legend}>
        <span className={styles.some}>amber</span> some fail,{" "}
        <span className={styles.many}>red</span> 5 % or more; wider lines are more calls
      </p>
      <div className={styles.tools}>
        <IconButton
          label="Zoom in (+)"
          icon={<Plus size={16} />}
          variant="plain"
          onClick={() => viewport.zoomBy(ZOOM_STEP)}
        />
        <IconButton
          label="Zoom out (-)"
          icon={<Minus size={16} />}
          variant="plain"
          onClick={() => viewport.zoomBy(1 / ZOOM_STEP)}
        />
        <IconButton
          label="Show the whole map (0)"
          icon={<Maximize size={15} />}
          variant="plain"
          onClick={() => viewport.fit()}
        />
      </div>
    </div>
  );
}

/** Where what is selected is drawn. */
function boxOf(layout: Layout, selection: Selection | null): Box | undefined {
  if (!selection) return undefined;
  const services = "service" in selection ? [selection.service] : Object.values(selection);
  return boxAround(layout, services);
}

/** The edges of what is selected; null where nothing is. */
function strongEdges(map: ServiceMap, selection: Selection | null): ReadonlySet<number> | null {
  if (!selection) return null;
  const strong = new Set<number>();
  map.edges.forEach(({ caller, callee }, index) => {
    const isStrong =
      "service" in selection
        ? caller === selection.service || callee === selection.service
        : caller === selection.caller && callee === selection.callee;
    if (isStrong) strong.add(index);
  });
  return strong;
}

function nearSelection(
  map: ServiceMap,
  strong: ReadonlySet<number> | null,
  selected: string | null,
): ReadonlySet<string> | null {
  if (!strong) return null;
  const near = new Set(selected === null ? [] : [selected]);
  for (const index of strong) {
    near.add(map.edges[index]!.caller);
    near.add(map.edges[index]!.callee);
  }
  return near;
}

function isFaint(
  service: string,
  found: ReadonlySet<string> | null,
  near: ReadonlySet<string> | null,
): boolean {
  if (found) return !found.has(service);
  return near !== null && !near.has(service);
}

function labelledEdges(
  layout: Layout,
  strong: ReadonlySet<number> | null,
  hovered: number,
): readonly number[] {
  if (layout.labelled) return layout.edges.map((_, index) => index);
  const shown = new Set([...(strong ?? [])].slice(0, MAX_CROWDED_LABELS));
  if (hovered >= 0) shown.add(hovered);
  return [...shown];
}

function isEdgeSelected(selection: Selection | null, map: ServiceMap, index: number): boolean {
  if (!selection || "service" in selection) return false;
  const edge = map.edges[index];
  return edge?.caller === selection.caller && edge.callee === selection.callee;
}

/** The nearest service in the direction of an arrow key; sideways distance counts double. */
function nextByArrow(layout: Layout, service: string, key: string): string | null {
  const from = layout.nodes.get(service);
  if (!from) return null;
  const [ahead, aside] = {
    ArrowLeft: [-1, 0] as const,
    ArrowRight: [1, 0] as const,
    ArrowUp: [0, -1] as const,
    ArrowDown: [0, 1] as const,
  }[key] ?? [0, 0];
  let [next, best]: [string | null, number] = [null, Infinity];
  for (const [name, place] of layout.nodes) {
    const [dx, dy] = [place.x - from.x, place.y - from.y];
    const along = dx * ahead + dy * aside;
    const across = Math.abs(dx * aside) + Math.abs(dy * ahead);
    const distance = along + 2 * across;
    if (along > 1 && distance < best) [next, best] = [name, distance];
  }
  return next;
}

function useCanvasSize(
  canvas: React.RefObject<HTMLCanvasElement | null>,
  viewport: Viewport,
): void {
  useEffect(() => {
    const element = canvas.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(() => {
      const ratio = devicePixelRatio || 1;
      element.width = Math.round(element.clientWidth * ratio);
      element.height = Math.round(element.clientHeight * ratio);
      viewport.resized();
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [canvas, viewport]);
}

/** Shows a new layout from its start; the same one with other figures stays where it is. */
function useOpening(viewport: Viewport, layoutKey: string, around: Box | undefined): void {
  const opened = useRef("");
  useEffect(() => {
    if (opened.current === layoutKey) return;
    opened.current = layoutKey;
    viewport.open(around);
  }, [viewport, layoutKey, around]);
}

function useMapShortcuts(viewport: Viewport): void {
  const group = "Service map";
  useShortcuts([
    { keys: ["+", "="], description: "Zoom in", group, run: () => viewport.zoomBy(ZOOM_STEP) },
    { keys: ["-"], description: "Zoom out", group, run: () => viewport.zoomBy(1 / ZOOM_STEP) },
    { keys: ["0"], description: "Show the whole map", group, run: () => viewport.fit() },
    {
      keys: ["Shift+ArrowLeft", "Shift+ArrowRight", "Shift+ArrowUp", "Shift+ArrowDown"],
      description: "Move the map",
      group,
      run: ({ key }) =>
        viewport.panBy(
          key === "ArrowLeft" ? PAN_PIXELS : key === "ArrowRight" ? -PAN_PIXELS : 0,
          key === "ArrowUp" ? PAN_PIXELS : key === "ArrowDown" ? -PAN_PIXELS : 0,
        ),
    },
  ]);
}
