/**
 * The way of the spans: a lane for each pipeline, receivers on the left, processors in their order,
 * exporters on the right, and lines from lane to lane where a connector joins two. On narrow windows
 * the same from top to bottom.
 */

import { useMemo, useRef, type ReactNode } from "react";
import {
  layOut,
  type Component,
  type Join,
  type Lane,
  type Pipeline,
  type Snapshot,
} from "@/model/pipeline";
import { ComponentBox } from "./ComponentBox";
import { Fan } from "./Fan";
import { Joins } from "./Joins";
import styles from "./Flow.module.css";

interface FlowProps {
  readonly pipeline: Pipeline;
  readonly history: readonly Snapshot[];
}

export function Flow({ pipeline, history }: FlowProps) {
  const { lanes, joins } = useMemo(() => layOut(pipeline), [pipeline]);
  const root = useRef<HTMLDivElement>(null);
  const renderBox = (component: Component, joined?: string) => (
    <ComponentBox
      component={component}
      history={history}
      nowMicros={pipeline.now_micros}
      joined={joined}
    />
  );
  return (
    <section aria-labelledby="flow" className={styles.section}>
      <h2 id="flow">Span flow</h2>
      <div className={styles.flow} ref={root}>
        {lanes.map((lane) => (
          <LaneRow key={lane.name} lane={lane} joins={joins} renderBox={renderBox} />
        ))}
        {joins.length ? <Joins joins={joins} root={root} /> : null}
      </div>
    </section>
  );
}

type RenderBox = (component: Component, joined?: string) => ReactNode;

function LaneRow({
  lane,
  joins,
  renderBox,
}: {
  readonly lane: Lane;
  readonly joins: readonly Join[];
  readonly renderBox: RenderBox;
}) {
  const { name, receivers, processors, exporters } = lane;
  const into = (id: string) => joins.filter((join) => join.connector === id && join.to === name);
  const outOf = (id: string) => joins.filter((join) => join.connector === id && join.from === name);
  const first = processors.length ? [0.5 / processors.length] : middles(exporters.length);
  const last = processors.length ? [1 - 0.5 / processors.length] : middles(receivers.length);
  return (
    <section className={styles.lane} aria-label={`Pipeline ${name}`}>
      <h3 className={styles.title}>{name}</h3>
      <ol className={styles.stages}>
        <Stage title="Receivers">
          {receivers.map((each) => (
            <Place key={each.id} lane={name} side="in" connector={connectorOf(each)}>
              {renderBox(
                each,
                list(
                  "from",
                  into(each.id).map(({ from }) => from),
                ),
              )}
            </Place>
          ))}
        </Stage>
        <Fan from={middles(receivers.length)} to={first} long={!processors.length} />
        {processors.length ? (
          <>
            <Stage title="Processors" chained>
              {processors.map((each) => (
                <Place key={each.id}>{renderBox(each)}</Place>
              ))}
            </Stage>
            <Fan from={last} to={middles(exporters.length)} />
          </>
        ) : null}
        <Stage title="Exporters">
          {exporters.map((each) => (
            <Place key={each.id} lane={name} side="out" connector={connectorOf(each)}>
              {renderBox(
                each,
                list(
                  "to",
                  outOf(each.id).map(({ to }) => to),
                ),
              )}
            </Place>
          ))}
        </Stage>
      </ol>
    </section>
  );
}

function Stage({
  title,
  chained,
  children,
}: {
  readonly title: string;
  /** Whether spans go from one to the next, not to all. */
  readonly chained?: boolean;
  readonly children: ReactNode;
}) {
  return (
    <li className={styles.stage}>
      <span className={styles.stageTitle}>{title}</span>
      <ul className={`${styles.stack} ${chained ? styles.chained : ""}`}>{children}</ul>
    </li>
  );
}

/** Where a box stands; those of connectors are marked, so that lines can be drawn between them. */
function Place({
  lane,
  side,
  connector,
  children,
}: {
  readonly lane?: string;
  readonly side?: "in" | "out";
  readonly connector?: string | undefined;
  readonly children: ReactNode;
}) {
  const marks = connector
    ? { "data-connector": connector, "data-lane": lane, "data-side": side }
    : {};
  return (
    <li className={styles.place}>
      <div {...marks}>{children}</div>
    </li>
  );
}

function connectorOf({ kind, id }: Component): string | undefined {
  return kind === "connectors" ? id : undefined;
}

/** The middles of so many rows of the same height, as shares of it. */
function middles(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => (index + 0.5) / count);
}

function list(word: string, names: readonly string[]): string | undefined {
  return names.length ? `${word} ${names.join(", ")}` : undefined;
}
