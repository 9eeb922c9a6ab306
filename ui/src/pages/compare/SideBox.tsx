/** One of the two traces: which it is, and how another one is chosen. */

import { Pencil } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";
import { ApiError } from "@/api/client";
import { useApi } from "@/api/client";
import type { ServiceColor } from "@/model/colors";
import { formatDuration } from "@/model/format";
import { microsOf, nameOf, rootRow, serviceOf, type TraceData } from "@/model/traceData";
import { Button } from "@/parts/Button";
import { Combobox } from "@/parts/Combobox";
import { CopyButton } from "@/parts/CopyButton";
import { Duration, Time } from "@/parts/Figures";
import { Popover } from "@/parts/Popover";
import { ServiceMark } from "@/parts/ServiceMark";
import { linkTo } from "@/url/location";
import { readTraceId } from "@/url/traceId";
import styles from "./SideBox.module.css";

export interface SideBoxProps {
  readonly letter: "A" | "B";
  readonly traceId: string;
  readonly trace: TraceData | undefined;
  readonly error: Error | null;
  readonly colors: ReadonlyMap<string, ServiceColor>;
  /** Ids of other traces to choose from. */
  readonly candidates: readonly string[];
  /** The other trace, whose typical one can be taken; empty where there is none. */
  readonly otherId: string;
  onChoose(traceId: string): void;
}

export function SideBox(props: SideBoxProps) {
  const { letter, traceId, trace, error } = props;
  return (
    <section className={styles.box} aria-label={`Trace ${letter}`}>
      <header className={styles.header}>
        <span className={`${styles.letter} ${styles[letter]}`}>{letter}</span>
        {trace ? <Title trace={trace} colors={props.colors} /> : <NoTitle {...props} />}
        <Chooser {...props} />
      </header>
      {trace ? <Facts trace={trace} /> : null}
      {error ? (
        <p className={styles.error} role="alert">
          {error instanceof ApiError && error.status === 404
            ? `There is no trace ${traceId}: it is older than what is kept, or its id is mistyped.`
            : error.message}
        </p>
      ) : null}
    </section>
  );
}

function Title({
  trace,
  colors,
}: Required<Pick<SideBoxProps, "colors">> & { readonly trace: TraceData }) {
  const row = rootRow(trace);
  const service = serviceOf(trace, row);
  return (
    <h2 className={styles.title}>
      <ServiceMark color={colors.get(service)!} />
      <Link href={linkTo(`/trace/${trace.traceId}`)} title={`${service}: ${nameOf(trace, row)}`}>
        {service} {nameOf(trace, row)}
      </Link>
    </h2>
  );
}

function NoTitle({ traceId, error }: SideBoxProps) {
  return (
    <h2 className={`${styles.title} ${styles.none}`}>
      {traceId ? (error ? traceId : "Loading…") : "No trace chosen"}
    </h2>
  );
}

function Facts({ trace }: { readonly trace: TraceData }) {
  const errors = trace.flags.reduce((sum, flag) => sum + (flag & 1), 0);
  return (
    <dl className={styles.facts}>
      <Fact name="Duration">
        <strong>
          <Duration nanos={trace.end - trace.begin} />
        </strong>
      </Fact>
      <Fact name="Spans">{trace.total.toLocaleString("en-US")}</Fact>
      <Fact name="Errors">
        {errors ? <span className={styles.error}>{errors.toLocaleString("en-US")}</span> : "0"}
      </Fact>
      <Fact name="Start">
        <Time micros={microsOf(trace, trace.begin)} />
      </Fact>
      <Fact name="Id">
        <code title={trace.traceId}>{trace.traceId.slice(0, 8)}…</code>
        <CopyButton text={trace.traceId} label="Copy the trace id" />
      </Fact>
    </dl>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: React.ReactNode }) {
  return (
    <div className={styles.fact}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Chooser({ letter, candidates, otherId, onChoose }: SideBoxProps) {
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState(false);
  return (
    <Popover
      label="Change"
      name={`Change ${letter}: choose another trace`}
      icon={<Pencil size={14} aria-hidden />}
      variant="quiet"
      align="end"
    >
      {(close) => {
        const choose = (value: string) => {
          const traceId = readTraceId(value);
          setWrong(!traceId);
          if (!traceId) return;
          close();
          setText("");
          onChoose(traceId);
        };
        return (
          <div className={styles.chooser}>
            <Combobox
              label="Trace id"
              placeholder={candidates.length ? "Paste an id, or pick one" : "Paste an id"}
              value={text}
              suggestions={candidates
                .filter((id) => id.includes(text.trim().toLowerCase()))
                .map((value) => ({ value }))}
              error={wrong ? "A trace id has 8 to 32 digits 0–9 and a–f" : undefined}
              onInput={(value) => {
                setText(value);
                setWrong(false);
              }}
              onPick={choose}
            />
            {otherId ? (
              <Typical otherId={otherId} other={letter === "A" ? "B" : "A"} onChoose={choose} />
            ) : null}
          </div>
        );
      }}
    </Popover>
  );
}

/** Offers the trace that is normal for the other's operation. */
function Typical({
  otherId,
  other,
  onChoose,
}: {
  readonly otherId: string;
  readonly other: string;
  onChoose(traceId: string): void;
}) {
  const { data } = useApi("/traces/{trace_id}/typical", { trace_id: otherId });
  if (!data?.trace_id) return null;
  return (
    <Button onClick={() => onChoose(data.trace_id)}>
      Typical of {other}: median of {data.traces.toLocaleString("en-US")} is{" "}
      {formatDuration(data.p50_nanos)}
    </Button>
  );
}
