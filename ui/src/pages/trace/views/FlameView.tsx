/** The flame graph: spans in the order of time, or merged by path; the same as a table. */

import { RotateCcw } from "lucide-react";
import { useMemo, useState } from "react";
import {
  pictureOfPaths,
  pictureOfSpans,
  type Extent,
  type FlamePicture,
} from "@/model/flamePicture";
import { formatShare } from "@/model/format";
import { mergePaths } from "@/model/paths";
import { at } from "@/model/trace";
import { serviceOf, type TraceData } from "@/model/traceData";
import { Button } from "@/parts/Button";
import { ServiceMark } from "@/parts/ServiceMark";
import { VirtualTable, type VirtualColumn } from "@/parts/VirtualTable";
import { useUrl } from "@/url/location";
import { FlameCanvas } from "./FlameCanvas";
import type { ViewProps } from "./props";
import flameStyles from "./FlameView.module.css";
import styles from "./View.module.css";

type Mode = "time" | "duration" | "self";
const MODES: readonly (readonly [mode: Mode, title: string, hint: string])[] = [
  ["time", "By time", "One box a span, from its start to its end"],
  ["duration", "Merged, total", "One box a path, as wide as its spans lasted together"],
  ["self", "Merged, self", "One box a path, as wide as the self time in it and below"],
];

export default function FlameView(props: ViewProps) {
  const { trace } = props;
  const { params, change } = useUrl();
  const mode = MODES.find(([name]) => name === params.get("flame"))?.[0] ?? "time";
  const asTable = params.get("twin") === "table";
  const picture = useMemo(() => pictureOf(trace, mode), [trace, mode]);
  const [zoom, setZoom] = useState<{ of: FlamePicture; extent: Extent } | null>(null);
  const whole = useMemo(() => ({ from: 0, to: picture.end }), [picture]);
  const extent = zoom?.of === picture ? zoom.extent : whole;
  return (
    <section className={styles.view} aria-label="Flame graph">
      <div className={styles.tools}>
        <div className={styles.group} role="group" aria-label="Order">
          {MODES.map(([name, title, hint]) => (
            <Button
              key={name}
              pressed={name === mode}
              title={hint}
              onClick={() => change({ flame: name === "time" ? null : name }, { replace: true })}
            >
              {title}
            </Button>
          ))}
        </div>
        <Button
          pressed={asTable}
          onClick={() => change({ twin: asTable ? null : "table" }, { replace: true })}
        >
          As table
        </Button>
        <Button
          icon={<RotateCcw size={14} aria-hidden />}
          disabled={extent.to - extent.from >= picture.end}
          onClick={() => setZoom(null)}
        >
          Show all
        </Button>
        <Legend {...props} />
      </div>
      {asTable ? (
        <FlameTable {...props} picture={picture} />
      ) : (
        <FlameGraph
          {...props}
          key={mode}
          picture={picture}
          extent={extent}
          onExtent={(extent) => setZoom({ of: picture, extent })}
        />
      )}
    </section>
  );
}

function pictureOf(trace: TraceData, mode: Mode): FlamePicture {
  if (mode === "time") return pictureOfSpans(trace);
  return pictureOfPaths(mergePaths([trace]), mode);
}

interface FlameGraphProps extends ViewProps {
  readonly picture: FlamePicture;
  readonly extent: Extent;
  onExtent(extent: Extent): void;
}

function FlameGraph(props: FlameGraphProps) {
  const { trace, picture, colors, selected, found, hiddenServices, onSelect } = props;
  const [focused, setFocused] = useState(0);
  const isLit = useMemo(() => {
    const matches = found && matchingBoxes(picture, found);
    return (box: number) =>
      !hiddenServices.has(at(trace.service, picture.row(box))) && matches?.[box] !== 0;
  }, [trace, picture, found, hiddenServices]);
  return (
    <>
      <FlameCanvas
        {...{ picture, colors, isLit, focused, onSelect }}
        extent={props.extent}
        onExtent={props.onExtent}
        onFocus={setFocused}
        selected={picture.isOfSpans ? (selected ?? -1) : -1}
      />
      <div className={flameStyles.status}>
        <span role="status" className={flameStyles.facts}>
          <strong>{picture.service(focused)}</strong> {picture.name(focused)}:{" "}
          {picture.facts(focused)}
          {picture.failed(focused) ? ", failed" : ""}
        </span>
        <Button variant="quiet" onClick={() => onSelect(picture.row(focused))}>
          {picture.isOfSpans ? "Show the span" : "Show its longest span"}
        </Button>
      </div>
    </>
  );
}

/** 1 for boxes of spans that match. */
function matchingBoxes({ lane, boxOf }: FlamePicture, found: Int32Array): Uint8Array {
  const matches = new Uint8Array(lane.length);
  for (const row of found) matches[boxOf(row)] = 1;
  return matches;
}

/** Services with their shares of all self time. */
function Legend({ trace, colors }: ViewProps) {
  const shares = useMemo(() => {
    const self = new Float64Array(trace.serviceNames.length);
    for (let row = 0; row < trace.count; row++) {
      self[at(trace.service, row)]! += at(trace.self, row);
    }
    const whole = self.reduce((sum, nanos) => sum + nanos, 0) || 1;
    return trace.serviceNames
      .map((service, index) => ({ service, share: at(self, index) / whole }))
      .sort((one, other) => other.share - one.share);
  }, [trace]);
  return (
    <ul className={flameStyles.legend} aria-label="Share of the execution time">
      {shares.map(({ service, share }) => (
        <li key={service}>
          <ServiceMark color={colors.get(service)!} />
          {service} <span className={styles.muted}>{formatShare(share)}</span>
        </li>
      ))}
    </ul>
  );
}

function FlameTable({
  trace,
  colors,
  picture,
  found,
  onSelect,
}: ViewProps & { readonly picture: FlamePicture }) {
  const matches = useMemo(() => found && matchingBoxes(picture, found), [picture, found]);
  const boxes = useMemo(() => [...picture.lane.keys()], [picture]);
  const columns = useMemo((): VirtualColumn<number>[] => {
    const depth = depths(picture);
    return [
      {
        key: "name",
        title: "Service and operation",
        width: 300,
        grow: 2,
        render: (box) => (
          <span className={styles.name} style={{ paddingLeft: at(depth, box) * 14 }}>
            <ServiceMark color={colors.get(serviceOf(trace, picture.row(box)))!} />
            <span>{picture.name(box)}</span>
          </span>
        ),
      },
      {
        key: "facts",
        title: "Times",
        width: 420,
        grow: 3,
        render: (box) => picture.facts(box),
      },
      {
        key: "status",
        title: "Status",
        width: 80,
        render: (box) =>
          picture.failed(box) ? <span className={styles.error}>failed</span> : null,
      },
    ];
  }, [trace, colors, picture]);
  return (
    <VirtualTable
      caption="Boxes of the flame graph"
      columns={columns}
      rows={boxes}
      rowKey={(box) => box}
      marked={(box) => matches?.[box] === 1}
      onOpen={(box) => onSelect(picture.row(box))}
      empty="The trace has no spans."
    />
  );
}

/** How deep each box lies; parents come before their children. */
function depths(picture: FlamePicture): Int32Array {
  const depth = new Int32Array(picture.lane.length);
  for (let box = 0; box < depth.length; box++) {
    const above = picture.parent(box);
    if (above >= 0) depth[box] = at(depth, above) + 1;
  }
  return depth;
}
