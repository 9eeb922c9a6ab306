/** What a trace is: its root, id, times and counts, how it compares, and what can be done with it. */

import { ChevronDown, ChevronRight, GitCompareArrows } from "lucide-react";
import { useMemo, useState } from "react";
import { useApi } from "@/api/client";
import type { ServiceColor } from "@/model/colors";
import { formatDuration, formatShare } from "@/model/format";
import { at, ERROR } from "@/model/trace";
import { microsOf, nameOf, rootRow, serviceOf, type TraceData } from "@/model/traceData";
import { Button, ButtonLink } from "@/parts/Button";
import { CopyButton } from "@/parts/CopyButton";
import { Duration, Time } from "@/parts/Figures";
import { ServiceMark } from "@/parts/ServiceMark";
import { uploadOf } from "@/api/uploads";
import { UploadBadge } from "@/parts/UploadTraces";
import { embed } from "@/url/embed";
import { linkTo, useUrl } from "@/url/location";
import { select, selectError, useTraceView } from "../store";
import { VIEWS, viewOf } from "../viewNames";
import { TraceMenu } from "./TraceMenu";
import styles from "./Header.module.css";

export function Header({
  raw,
  colors,
}: {
  readonly raw: boolean;
  readonly colors: ReadonlyMap<string, ServiceColor>;
}) {
  const { trace } = useTraceView();
  return (
    <header className={styles.header}>
      {embed.collapseTitle ? (
        <h1 className="visually-hidden">Trace {trace.traceId}</h1>
      ) : (
        <Title trace={trace} raw={raw} colors={colors} />
      )}
      {embed.hideSummary ? null : <Facts />}
    </header>
  );
}

function Title({
  trace,
  raw,
  colors,
}: {
  readonly trace: TraceData;
  readonly raw: boolean;
  readonly colors: ReadonlyMap<string, ServiceColor>;
}) {
  const root = rootRow(trace);
  const service = serviceOf(trace, root);
  return (
    <div className={styles.title}>
      <h1 className={styles.name}>
        <ServiceMark color={colors.get(service)!} />
        <span className={styles.service}>{service}</span> <span>{nameOf(trace, root)}</span>
      </h1>
      <span className={styles.id}>
        <code title="Trace id">{trace.traceId}</code>
        <CopyButton text={trace.traceId} label="Copy the trace id" />
        <UploadBadge traceId={trace.traceId} />
      </span>
      <span className={styles.space} />
      <ViewSwitch />
      <TraceMenu trace={trace} raw={raw} />
    </div>
  );
}

function ViewSwitch() {
  const { params, change } = useUrl();
  const shown = viewOf(params.get("v"));
  return (
    <div className={styles.views} role="group" aria-label="View">
      {VIEWS.map(({ name, title, icon: Icon }) => (
        <Button
          key={name}
          variant="quiet"
          pressed={name === shown}
          title={title}
          aria-label={title}
          icon={<Icon size={15} aria-hidden />}
          onClick={() => change({ v: name === "waterfall" ? null : name })}
        >
          <span className={styles.viewName}>{title}</span>
        </Button>
      ))}
    </div>
  );
}

function Facts() {
  const view = useTraceView();
  const { trace } = view;
  const { depth, errors } = useMemo(() => measure(trace), [trace]);
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button
        variant="quiet"
        className={styles.fold ?? ""}
        aria-expanded={isOpen}
        icon={
          isOpen ? <ChevronDown size={14} aria-hidden /> : <ChevronRight size={14} aria-hidden />
        }
        onClick={() => setOpen(!isOpen)}
      >
        {formatDuration(trace.end - trace.begin)}, {describeCounts(trace.total, errors)}
      </Button>
      <dl className={styles.facts} data-open={isOpen || undefined}>
        <Fact name="Start">
          <Time micros={microsOf(trace, trace.begin)} />
        </Fact>
        <Fact name="Duration">
          <strong>
            <Duration nanos={trace.end - trace.begin} />
          </strong>
        </Fact>
        <Fact name="Spans">
          {trace.total > trace.count
            ? `${trace.count.toLocaleString("en-US")} of ${trace.total.toLocaleString("en-US")}`
            : trace.count.toLocaleString("en-US")}
        </Fact>
        <Fact name="Services">{trace.serviceNames.length}</Fact>
        <Fact name="Depth">{depth}</Fact>
        <Fact name="Errors">
          {errors ? (
            <button
              type="button"
              className={styles.errors}
              title="Show the next error (e)"
              onClick={() => selectError(view, true)}
            >
              {errors.toLocaleString("en-US")}
            </button>
          ) : (
            "0"
          )}
        </Fact>
        <MostTime />
        {uploadOf(trace.traceId) ? null : <Typical trace={trace} />}
      </dl>
    </>
  );
}

/** `340 spans, 2 errors` */
function describeCounts(spans: number, errors: number): string {
  const count = (number: number, noun: string) =>
    `${number.toLocaleString("en-US")} ${noun}${number === 1 ? "" : "s"}`;
  return errors ? `${count(spans, "span")}, ${count(errors, "error")}` : count(spans, "span");
}

function Fact({ name, children }: { readonly name: string; readonly children: React.ReactNode }) {
  return (
    <div className={styles.fact}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function measure({ count, depth, flags }: TraceData): { depth: number; errors: number } {
  let deepest = -1;
  let errors = 0;
  for (let row = 0; row < count; row++) {
    deepest = Math.max(deepest, at(depth, row));
    errors += at(flags, row) & ERROR;
  }
  return { depth: deepest + 1, errors };
}

/**
 * The operations whose spans had the most time of their own; a part of all such time, which is more
 * than the trace took where spans ran side by side.
 */
function MostTime() {
  const view = useTraceView();
  const { trace } = view;
  const { most, whole } = useMemo(() => mostSelfTime(trace, 2), [trace]);
  if (!most.length) return null;
  return (
    <Fact name="Most self time">
      <span className={styles.most}>
        {most.map(({ row, nanos }) => (
          <button
            key={row}
            type="button"
            className={styles.operation}
            title={`${formatDuration(nanos)} of the ${formatDuration(whole)} of self time that all spans have together; show the longest span of ${serviceOf(trace, row)} ${nameOf(trace, row)}`}
            onClick={() => select(view, row)}
          >
            <span>
              {serviceOf(trace, row)} {nameOf(trace, row)}
            </span>{" "}
            {formatShare(nanos / Math.max(1, whole))}
          </button>
        ))}
      </span>
    </Fact>
  );
}

/** The operations with the largest sum of self times, each with its row of the largest. */
function mostSelfTime(
  trace: TraceData,
  count: number,
): { most: { row: number; nanos: number }[]; whole: number } {
  const operations = trace.names.length;
  const sums = new Map<number, { row: number; nanos: number }>();
  let whole = 0;
  for (let row = 0; row < trace.count; row++) {
    const key = at(trace.service, row) * operations + at(trace.name, row);
    const nanos = at(trace.self, row);
    whole += nanos;
    const known = sums.get(key);
    if (!known) {
      sums.set(key, { row, nanos });
      continue;
    }
    known.nanos += nanos;
    if (nanos > at(trace.self, known.row)) known.row = row;
  }
  const most = [...sums.values()].sort((one, other) => other.nanos - one.nanos);
  return { most: most.slice(0, count), whole };
}

function Typical({ trace }: { readonly trace: TraceData }) {
  const { data } = useApi("/traces/{trace_id}/typical", { trace_id: trace.traceId });
  if (!data?.traces) return null;
  const slower = 1 - data.share_slower;
  return (
    <Fact name="Compared">
      <span className={styles.typical}>
        <span
          title={`Median ${formatDuration(data.p50_nanos)}, 95 % within ${formatDuration(data.p95_nanos)}`}
        >
          Slower than {Math.round(slower * 100)} % of {data.traces.toLocaleString("en-US")} similar
          traces
        </span>
        {data.trace_id ? (
          <ButtonLink
            variant="quiet"
            icon={<GitCompareArrows size={13} aria-hidden />}
            href={linkTo(`/trace/${data.trace_id}...${trace.traceId}`)}
          >
            Compare with a typical one
          </ButtonLink>
        ) : null}
      </span>
    </Fact>
  );
}
