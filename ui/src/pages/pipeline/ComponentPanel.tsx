/** All that is known of one component: addresses, counts, the last minutes, errors, configuration. */

import { useState } from "react";
import { formatCount, formatShare } from "@/model/format";
import {
  ACCEPTED,
  groupErrors,
  formatPerSecond,
  formatQueue,
  keptShare,
  keyOf,
  queueOf,
  rateNow,
  ratesOf,
  type Component,
  type Pipeline,
  type Rate,
  type Snapshot,
} from "@/model/pipeline";
import { partOfConfig } from "@/model/yaml";
import { Button } from "@/parts/Button";
import { CopyButton } from "@/parts/CopyButton";
import { Dialog } from "@/parts/Dialog";
import { Time } from "@/parts/Figures";
import { RateChart } from "./RateChart";
import { Yaml } from "./Yaml";
import styles from "./ComponentPanel.module.css";

interface ComponentPanelProps {
  readonly component: Component;
  readonly pipeline: Pipeline;
  readonly history: readonly Snapshot[];
  onClose(): void;
}

const KIND: Readonly<Record<Component["kind"], string>> = {
  receivers: "Receiver",
  processors: "Processor",
  connectors: "Connector",
  exporters: "Exporter",
  extensions: "Extension",
};

export function ComponentPanel({ component, pipeline, history, onClose }: ComponentPanelProps) {
  const { kind, id, pipelines, addresses } = component;
  const config = partOfConfig(pipeline.config, kind, id);
  return (
    <Dialog title={`${KIND[kind]} ${id}`} wide onClose={onClose}>
      {pipelines.length ? (
        <p className={styles.note}>
          {pipelines.length > 1 ? "Counts of the pipelines" : "Part of the pipeline"}{" "}
          {pipelines.join(", ")}
          {pipelines.length > 1 ? " together" : ""}
        </p>
      ) : null}
      {Object.keys(addresses).length ? <Addresses addresses={addresses} /> : null}
      {kind === "extensions" ? null : (
        <>
          <Counts component={component} history={history} />
          <LastMinutes rates={ratesOf(history, [keyOf(component)])} accepted={ACCEPTED[kind]} />
          <Errors component={component} />
        </>
      )}
      {config ? (
        <section className={styles.section}>
          <h3>Configuration</h3>
          <Yaml text={config} label={`Configuration of ${id}`} />
        </section>
      ) : null}
    </Dialog>
  );
}

function Addresses({ addresses }: { readonly addresses: Component["addresses"] }) {
  return (
    <section className={styles.section}>
      <h3>Listens on</h3>
      <ul className={styles.addresses}>
        {Object.entries(addresses).map(([protocol, address]) => (
          <li key={protocol}>
            {protocol ? <span className={styles.protocol}>{protocol}</span> : null}
            <code>{address}</code>
            <CopyButton text={address} label={`Copy ${address}`} />
          </li>
        ))}
      </ul>
    </section>
  );
}

interface Row {
  readonly name: string;
  readonly perSecond?: string;
  readonly total: string;
}

function Counts({ component, history }: Pick<ComponentPanelProps, "component" | "history">) {
  return (
    <section className={styles.section}>
      <table className={styles.table}>
        <caption className="visually-hidden">Counts of {component.id}</caption>
        <thead>
          <tr>
            <th scope="col">Spans</th>
            <th scope="col">Per second</th>
            <th scope="col">Since the start</th>
          </tr>
        </thead>
        <tbody>
          {rowsOf(component, rateNow(history, [keyOf(component)])).map(
            ({ name, perSecond, total }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{perSecond}</td>
                <td>{total}</td>
              </tr>
            ),
          )}
        </tbody>
      </table>
    </section>
  );
}

function rowsOf(component: Component, rate: Rate | null): readonly Row[] {
  const { kind, accepted, refused, dropped, dropped_reasons, refused_requests } = component;
  const queue = queueOf(component);
  const kept = keptShare(component);
  const exact = (count: number) => count.toLocaleString("en-US");
  const spans = (
    name: string,
    counted: "accepted" | "refused" | "dropped",
    total: number,
  ): Row => ({
    name,
    perSecond: rate ? formatPerSecond(rate[counted]) : "…",
    total: exact(total),
  });
  return [
    spans(ACCEPTED[kind], "accepted", accepted),
    spans("refused, to be sent again by their sender", "refused", refused),
    ...(kind === "receivers" ? [] : [spans("dropped", "dropped", dropped)]),
    ...Object.entries(dropped_reasons).map(([reason, count]) => ({
      name: `dropped: ${reason}`,
      total: exact(count),
    })),
    ...(kept === null ? [] : [{ name: "kept", total: formatShare(kept) }]),
    ...Object.entries(refused_requests).map(([reason, count]) => ({
      name: `requests refused: ${reason}`,
      total: exact(count),
    })),
    ...(queue
      ? [
          {
            name: "in the queue",
            total: `${formatQueue(queue)}, ${formatShare(queue.share)}`,
          },
        ]
      : []),
  ];
}

/** The chart, or its numbers as a table. */
function LastMinutes({
  rates,
  accepted,
}: {
  readonly rates: readonly Rate[];
  readonly accepted: string;
}) {
  const [asTable, setAsTable] = useState(false);
  return (
    <section className={styles.section}>
      <header className={styles.head}>
        <h3>The last five minutes</h3>
        <Button variant="quiet" pressed={asTable} onClick={() => setAsTable(!asTable)}>
          As a table
        </Button>
      </header>
      {asTable ? (
        <RateTable rates={rates} accepted={accepted} />
      ) : (
        <>
          <RateChart rates={rates} height={72} />
          <p className={styles.note}>
            Spans per second since this page was opened: {accepted} drawn through, refused dashed,
            dropped dotted. Highest: {formatPerSecond(highest(rates))}
          </p>
        </>
      )}
    </section>
  );
}

function highest(rates: readonly Rate[]): number {
  return Math.max(
    0,
    ...rates.flatMap(({ accepted, refused, dropped }) => [accepted, refused, dropped]),
  );
}

function RateTable({
  rates,
  accepted,
}: {
  readonly rates: readonly Rate[];
  readonly accepted: string;
}) {
  if (!rates.length) return <p className={styles.note}>Known two seconds after the first look.</p>;
  return (
    <div className={styles.scroll} tabIndex={0} role="region" aria-label="Spans per second">
      <table className={styles.table}>
        <caption className="visually-hidden">Spans per second, the newest first</caption>
        <thead>
          <tr>
            <th scope="col">Until</th>
            <th scope="col">{accepted}</th>
            <th scope="col">refused</th>
            <th scope="col">dropped</th>
          </tr>
        </thead>
        <tbody>
          {rates.toReversed().map((rate) => (
            <tr key={rate.atMicros}>
              <th scope="row">
                <Time micros={rate.atMicros} precision="second" />
              </th>
              <td>{formatPerSecond(rate.accepted)}</td>
              <td>{formatPerSecond(rate.refused)}</td>
              <td>{formatPerSecond(rate.dropped)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Errors({ component: { errors } }: { readonly component: Component }) {
  return (
    <section className={styles.section}>
      <h3>Last errors</h3>
      {errors.length ? (
        <ol className={styles.errors}>
          {groupErrors(errors).map(({ lastMicros, message, times, spans }) => (
            <li key={message}>
              <span className={styles.note}>
                <Time micros={lastMicros} />
                {times > 1 ? `, the last of ${times}` : ""}
                {spans ? `, ${formatCount(spans)} ${spans === 1 ? "span" : "spans"}` : ""}
              </span>
              <span className={styles.message}>{message}</span>
            </li>
          ))}
        </ol>
      ) : (
        <p className={styles.note}>None since the start.</p>
      )}
    </section>
  );
}
