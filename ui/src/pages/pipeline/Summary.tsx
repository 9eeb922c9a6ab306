/** The state of the process in one glance: whether all is well, and the few numbers that tell why. */

import { CircleAlert, CircleCheck, Inbox } from "lucide-react";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { formatBytes, formatCount, formatDuration, formatShare } from "@/model/format";
import {
  countLost,
  countReceived,
  formatPerSecond,
  formatQueue,
  fullestQueue,
  keyOf,
  rateNow,
  ratesOf,
  receiversOf,
  type Pipeline,
  type Snapshot,
} from "@/model/pipeline";
import { Time } from "@/parts/Figures";
import { linkTo } from "@/url/location";
import { Meter } from "./Meter";
import { RateChart } from "./RateChart";
import styles from "./Summary.module.css";

interface SummaryProps {
  readonly pipeline: Pipeline;
  readonly history: readonly Snapshot[];
}

export function Summary({ pipeline, history }: SummaryProps) {
  return (
    <section aria-label="State" className={styles.summary}>
      <Health pipeline={pipeline} />
      <dl className={styles.figures}>
        <Received pipeline={pipeline} history={history} />
        <Dropped components={pipeline.components} />
        <Figure
          label="Stored"
          value={<Link href={linkTo("/search")}>{formatCount(pipeline.stored_spans)} spans</Link>}
          title={`${pipeline.stored_spans.toLocaleString("en-US")} spans`}
        />
        <FullestQueue pipeline={pipeline} />
        <Memory pipeline={pipeline} />
        <Disk pipeline={pipeline} />
        <Figure
          label="Running for"
          value={formatDuration((pipeline.now_micros - pipeline.started_micros) * 1000)}
          note={
            <>
              Ananta {pipeline.version}, since{" "}
              <Time micros={pipeline.started_micros} precision="second" />
            </>
          }
        />
      </dl>
    </section>
  );
}

function Health({ pipeline: { problems, components } }: { readonly pipeline: Pipeline }) {
  const silent = countReceived(components) === 0;
  return (
    <div className={styles.health}>
      {/* Announced when the number changes, not whenever a sentence tells a newer time. */}
      <p role="status" className="visually-hidden">
        {problems.length ? `Problems: ${problems.length}` : "No problems"}
      </p>
      {problems.length ? (
        <ul className={styles.problems}>
          {problems.map((problem) => (
            <li key={problem} className={styles.problem}>
              <CircleAlert size={16} aria-hidden />
              <span>{problem}</span>
            </li>
          ))}
        </ul>
      ) : (
        <p className={silent ? styles.silent : styles.well}>
          {silent ? <Inbox size={16} aria-hidden /> : <CircleCheck size={16} aria-hidden />}
          {silent
            ? "Everything runs. No span has arrived since the start."
            : "All is well: everything runs, and what arrives is delivered."}
        </p>
      )}
    </div>
  );
}

function Figure({
  label,
  value,
  title,
  note,
  children,
}: {
  readonly label: string;
  readonly value: ReactNode;
  readonly title?: string;
  readonly note?: ReactNode;
  /** A drawing below the value. */
  readonly children?: ReactNode;
}) {
  return (
    <div className={styles.figure}>
      <dt>{label}</dt>
      <dd className={styles.value} title={title}>
        {value}
      </dd>
      {children ? <dd>{children}</dd> : null}
      {note ? <dd className={styles.note}>{note}</dd> : null}
    </div>
  );
}

function Received({ pipeline: { components }, history }: SummaryProps) {
  const keys = receiversOf(components).map(keyOf);
  const rate = rateNow(history, keys);
  return (
    <Figure
      label="Received"
      value={rate ? formatPerSecond(rate.accepted) : "…"}
      title="Spans a second, over the last ten seconds"
      note={`${formatCount(countReceived(components))} spans since the start`}
    >
      <RateChart rates={ratesOf(history, keys)} height={24} />
    </Figure>
  );
}

function Dropped({ components }: Pick<Pipeline, "components">) {
  const lost = components.reduce((sum, component) => sum + countLost(component), 0);
  const refused = receiversOf(components).reduce((sum, component) => sum + component.refused, 0);
  return (
    <Figure
      label="Dropped"
      value={formatCount(lost)}
      title={`${lost.toLocaleString("en-US")} spans since the start`}
      note={`spans since the start; ${formatCount(refused)} refused, for senders to try again`}
    />
  );
}

function FullestQueue({ pipeline: { components } }: { readonly pipeline: Pipeline }) {
  const queue = fullestQueue(components);
  if (!queue) return <Figure label="Queue" value="none" note="Senders wait for each delivery" />;
  const text = formatQueue(queue);
  return (
    <Figure label="Queue" value={formatShare(queue.share)} note={`${text}, ${queue.id}`}>
      <Meter label={`Queue of ${queue.id}`} share={queue.share} text={text} />
    </Figure>
  );
}

function Memory({ pipeline }: { readonly pipeline: Pipeline }) {
  const { memory_bytes: used, memory_limit_bytes: limit } = pipeline;
  if (limit === null) {
    return <Figure label="Memory" value={formatBytes(used)} note="No memory_limiter runs" />;
  }
  const text = `${formatBytes(used)} of ${formatBytes(limit)}`;
  return (
    <Figure label="Memory" value={formatBytes(used)} note={`limit ${formatBytes(limit)}`}>
      <Meter label="Memory" share={used / limit} text={text} />
    </Figure>
  );
}

function Disk({ pipeline }: { readonly pipeline: Pipeline }) {
  const { disk_bytes: used, disk_free_bytes: free } = pipeline;
  if (used === null || free === null) {
    return <Figure label="Disk" value="none" note="Spans are stored elsewhere" />;
  }
  return (
    <Figure label="Disk" value={formatBytes(used)} note={`${formatBytes(free)} free`}>
      <Meter
        label="Disk"
        share={used / (used + free)}
        text={`${formatBytes(used)} used, ${formatBytes(free)} free`}
      />
    </Figure>
  );
}
