/** The services of a map and the labels of its calls, as buttons over the drawn edges. */

import { Boxes, Cloud, Database, Rows3 } from "lucide-react";
import { Fragment, memo, type KeyboardEvent } from "react";
import { formatCount, formatDuration, formatRate, type RateUnit } from "@/model/format";
import {
  LABEL_HEIGHT,
  LABEL_WIDTH,
  NODE_HEIGHT,
  NODE_WIDTH,
  type EdgeShape,
  type Point,
} from "@/model/mapLayout";
import {
  describeEdge,
  describeNode,
  healthOf,
  type MapEdge,
  type MapNode,
} from "@/model/serviceMap";
import { ErrorShare } from "@/parts/ErrorShare";
import styles from "./MapView.module.css";

const ICONS = { service: Boxes, database: Database, queue: Rows3, external: Cloud };

interface NodeProps {
  readonly node: MapNode;
  readonly place: Point;
  readonly seconds: number;
  /** One for all services, so that their rates compare. */
  readonly rateUnit: RateUnit;
  readonly isSelected: boolean;
  readonly isFocus: boolean;
  readonly isFound: boolean;
  readonly isFaint: boolean;
  /** Whether the tabulator key leads to it; arrows lead to the others. */
  readonly isTabStop: boolean;
  onSelect(service: string): void;
  onFocus(service: string): void;
  onArrow(service: string, key: string): void;
}

export const MapNodeButton = memo(function MapNodeButton(props: NodeProps) {
  const { node, place, seconds } = props;
  const Icon = ICONS[node.kind];
  const marks = [
    styles.node,
    styles[node.kind],
    styles[healthOf(node.errors, node.requests)],
    props.isFocus ? styles.focus : "",
    props.isFound ? styles.found : "",
    props.isFaint ? styles.faint : "",
  ];
  return (
    <button
      type="button"
      className={marks.join(" ")}
      style={{ left: place.x - NODE_WIDTH / 2, top: place.y - NODE_HEIGHT / 2 }}
      data-service={node.service}
      tabIndex={props.isTabStop ? 0 : -1}
      aria-pressed={props.isSelected}
      title={describeNode(node)}
      onClick={() => props.onSelect(node.service)}
      onDoubleClick={() => props.onFocus(node.service)}
      onKeyDown={(event: KeyboardEvent) => {
        if (!event.key.startsWith("Arrow") || event.shiftKey) return;
        event.preventDefault();
        props.onArrow(node.service, event.key);
      }}
    >
      <span className={styles.title}>
        <Icon size={14} aria-hidden className={styles.kind} />
        <span className={styles.name}>
          {node.service.split(/(?<=[-._/])/).map((part, at) => (
            <Fragment key={at}>
              {at ? <wbr /> : null}
              {part}
            </Fragment>
          ))}
        </span>
      </span>
      <span className={styles.figures}>
        {node.requests ? (
          <>
            <span>{formatRate(node.requests, seconds, props.rateUnit)}</span>
            <ErrorShare errors={node.errors} calls={node.requests} />
            <span className={styles.p95}>p95 {formatDuration(node.p95_nanos)}</span>
          </>
        ) : (
          <span>{node.kind === "service" ? "no requests" : node.kind}</span>
        )}
      </span>
    </button>
  );
});

interface LabelProps {
  readonly edge: MapEdge;
  readonly shape: EdgeShape;
  readonly index: number;
  readonly isSelected: boolean;
  readonly isFaint: boolean;
  onSelect(index: number): void;
  onHover(index: number): void;
}

/** The tabulator key leads past labels: the panel of a service lists its calls. */
export const EdgeLabel = memo(function EdgeLabel(props: LabelProps) {
  const { edge, shape, index } = props;
  return (
    <button
      type="button"
      className={`${styles.label} ${props.isFaint ? styles.faint : ""}`}
      style={{
        left: shape.label.x - LABEL_WIDTH / 2,
        top: shape.label.y - LABEL_HEIGHT / 2,
        width: LABEL_WIDTH,
        height: LABEL_HEIGHT,
      }}
      tabIndex={-1}
      aria-pressed={props.isSelected}
      title={describeEdge(edge)}
      onClick={() => props.onSelect(index)}
      onPointerEnter={() => props.onHover(index)}
      onPointerLeave={() => props.onHover(-1)}
    >
      <span className="visually-hidden">
        {edge.caller} calls {edge.callee}:{" "}
      </span>
      <span>
        {formatCount(edge.calls)} <ErrorShare errors={edge.errors} calls={edge.calls} />
      </span>
      <span>p95 {formatDuration(edge.p95_nanos)}</span>
    </button>
  );
});
