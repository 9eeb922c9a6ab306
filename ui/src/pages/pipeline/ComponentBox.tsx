/** One component in the flow: what it takes, refuses and drops a second and in all, and its queue. */

import { CircleAlert, TriangleAlert } from "lucide-react";
import { Link } from "wouter";
import { formatCount, formatShare } from "@/model/format";
import {
  ACCEPTED,
  countLost,
  formatPerSecond,
  formatQueue,
  keptShare,
  keyOf,
  queueOf,
  rateNow,
  ratesOf,
  type Component,
  type Rate,
  type Snapshot,
} from "@/model/pipeline";
import { formatAge } from "@/model/time";
import { useUrl } from "@/url/location";
import { Meter } from "./Meter";
import { RateChart } from "./RateChart";
import styles from "./ComponentBox.module.css";

interface ComponentBoxProps {
  readonly component: Component;
  readonly history: readonly Snapshot[];
  readonly nowMicros: number;
  /** The lanes a connector joins this one with, in words. */
  readonly joined?: string | undefined;
}

export function ComponentBox({ component, history, nowMicros, joined }: ComponentBoxProps) {
  const { link } = useUrl();
  const key = keyOf(component);
  const kept = keptShare(component);
  return (
    <div className={styles.box}>
      <div className={styles.head}>
        <Link href={link({ component: key })} replace className={styles.name}>
          {component.id}
        </Link>
        {component.kind === "connectors" ? <span className={styles.note}>connector</span> : null}
        <span className={styles.note}>{Object.keys(component.addresses).join(" + ")}</span>
      </div>
      <div className={styles.body}>
        <CountTable component={component} history={history} />
        <RateChart rates={ratesOf(history, [key])} height={34} />
      </div>
      {kept === null ? null : <p className={styles.note}>{formatShare(kept)} of spans kept</p>}
      {joined ? <p className={styles.note}>{joined}</p> : null}
      <QueueLine component={component} />
      <LastError component={component} nowMicros={nowMicros} />
    </div>
  );
}

interface Row {
  readonly name: string;
  /** null for reasons, whose rate is not known; undefined before the second answer. */
  readonly perSecond: number | null | undefined;
  readonly total: number;
  readonly tone: "plain" | "none" | "lost" | "reason";
}

function CountTable({ component, history }: Pick<ComponentBoxProps, "component" | "history">) {
  return (
    <table className={styles.counts}>
      <caption className="visually-hidden">Spans of {component.id}</caption>
      <thead>
        <tr>
          <th scope="col">
            <span className="visually-hidden">What became of them</span>
          </th>
          <th scope="col" title="Spans a second, over the last ten seconds">
            now
          </th>
          <th scope="col" title="Spans since the start">
            total
          </th>
        </tr>
      </thead>
      <tbody>
        {rowsOf(component, rateNow(history, [keyOf(component)])).map(
          ({ name, perSecond, total, tone }) => (
            <tr key={name} className={styles[tone]}>
              <th scope="row" colSpan={perSecond === null ? 2 : 1}>
                {tone === "lost" ? <TriangleAlert size={11} aria-hidden /> : null}
                {name}
              </th>
              {perSecond === null ? null : (
                <td>{perSecond === undefined ? "…" : formatPerSecond(perSecond)}</td>
              )}
              <td>{formatCount(total)}</td>
            </tr>
          ),
        )}
      </tbody>
    </table>
  );
}

function rowsOf(component: Component, rate: Rate | null): readonly Row[] {
  const { kind, accepted, refused, dropped, dropped_reasons, refused_requests } = component;
  const toneOf = (count: number) => (count > 0 ? "lost" : "none");
  const rows: Row[] = [
    { name: ACCEPTED[kind], total: accepted, perSecond: rate?.accepted, tone: "plain" },
    { name: "refused", total: refused, perSecond: rate?.refused, tone: toneOf(refused) },
  ];
  for (const [reason, total] of Object.entries(refused_requests)) {
    rows.push({ name: `requests refused: ${reason}`, total, perSecond: null, tone: "lost" });
  }
  // A receiver never drops: its sender is told, and has the spans still.
  if (kind === "receivers") return rows;
  const tone = toneOf(countLost(component));
  rows.push({ name: "dropped", total: dropped, perSecond: rate?.dropped, tone });
  for (const [reason, total] of Object.entries(dropped_reasons)) {
    rows.push({ name: reason, total, perSecond: null, tone: "reason" });
  }
  return rows;
}

function QueueLine({ component }: { readonly component: Component }) {
  const queue = queueOf(component);
  if (!queue) return null;
  const text = formatQueue(queue);
  return (
    <div className={styles.queue}>
      <span className={styles.note}>queue</span>
      <Meter label={`Queue of ${queue.id}`} share={queue.share} text={text} />
      <span className={styles.note}>{text}</span>
    </div>
  );
}

function LastError({
  component: { errors },
  nowMicros,
}: Pick<ComponentBoxProps, "component" | "nowMicros">) {
  const last = errors[0];
  if (!last) return null;
  return (
    <p className={styles.error} title={last.message}>
      <CircleAlert size={12} aria-hidden />
      <span>
        {formatAge(last.at_micros, nowMicros)}: {last.message}
      </span>
    </p>
  );
}
