/** One service over time: its figures, its charts, and its operations by weight. */

import { Network, Search, X } from "lucide-react";
import type { ReactNode } from "react";
import { useApi } from "@/api/client";
import { formatCount, formatDuration, formatRate } from "@/model/format";
import { Button, ButtonLink } from "@/parts/Button";
import { ErrorShare } from "@/parts/ErrorShare";
import { SelectField } from "@/parts/Field";
import { Failure, Loading } from "@/parts/States";
import { linkTo, useUrl } from "@/url/location";
import type { TimeWindow } from "@/url/timeWindow";
import { ExceptionsTable } from "./ExceptionsTable";
import { NoRequests, NoService, NoSpans } from "./NoData";
import { OperationsTable } from "./OperationsTable";
import { RedCharts } from "./RedCharts";
import { KINDS, type Narrowed, type OperationOverview, type ServiceOverview } from "./requests";
import { LastSpan, Versions } from "./ServicesTable";
import styles from "./ServicesPage.module.css";

interface ServiceDetailProps {
  readonly service: string;
  readonly services: readonly ServiceOverview[];
  readonly time: TimeWindow;
}

const KIND_OPTIONS = [["", "requests"], ...KINDS.map((kind) => [kind, kind] as const)] as const;

export function ServiceDetail({ service, services, time }: ServiceDetailProps) {
  const { params, change } = useUrl();
  const operation = params.get("operation") ?? "";
  const kind = KINDS.find((known) => known === readKind(params)) ?? "";
  const overview = services.find((one) => one.service === service);
  if (!overview) return <NoService service={service} services={services} />;
  if (!overview.spans) return <NoSpans overview={overview} time={time} />;
  const counted = { service, operation, kind };
  return (
    <>
      <div className={styles.about}>
        <Facts overview={overview} time={time} />
        <div className={styles.tools}>
          <SelectField
            label="Spans"
            options={KIND_OPTIONS}
            value={kind}
            onChange={(event) => change({ kind: event.currentTarget.value, spanKind: null })}
          />
          <ButtonLink
            href={linkTo("/dependencies", { service, sel: service, ...time.params })}
            icon={<Network size={14} aria-hidden />}
          >
            Callers and callees
          </ButtonLink>
          <ButtonLink
            href={linkTo("/search", { service, operation, ...time.params })}
            icon={<Search size={14} aria-hidden />}
          >
            Traces
          </ButtonLink>
        </div>
      </div>
      {operation ? (
        <p className={styles.narrowed}>
          Operation <b>{operation}</b>
          {kind ? ` (${kind})` : ""}
          <Button
            variant="quiet"
            icon={<X size={14} aria-hidden />}
            onClick={() => change({ operation: null, kind: null, spanKind: null })}
          >
            All operations
          </Button>
        </p>
      ) : null}
      <OverTime counted={counted} overview={overview} time={time} />
      <ExceptionsTable counted={counted} time={time} />
      <Operations counted={counted} time={time} />
    </>
  );
}

interface PartProps {
  readonly counted: Narrowed;
  readonly time: TimeWindow;
}

/** `spanKind` is Jaeger's name. */
function readKind(params: URLSearchParams): string | null {
  return params.get("kind") ?? params.get("spanKind");
}

function Facts({
  overview,
  time,
}: {
  readonly overview: ServiceOverview;
  readonly time: TimeWindow;
}) {
  return (
    <dl className={styles.facts}>
      <div>
        <dt>Last span</dt>
        <dd>
          <LastSpan micros={overview.last_span_micros} now={time.window.end} />
        </dd>
      </div>
      <div>
        <dt>Version</dt>
        <dd>
          <Versions versions={overview.versions} />
        </dd>
      </div>
      <div>
        <dt>SDK</dt>
        <dd>{overview.sdk || "–"}</dd>
      </div>
      <div>
        <dt>Spans</dt>
        <dd>{formatCount(overview.spans)}</dd>
      </div>
    </dl>
  );
}

function OverTime({ counted, overview, time }: PartProps & { readonly overview: ServiceOverview }) {
  const metrics = useApi("/services/metrics", { ...counted, ...time.question }, { keep: true });
  const operations = useOperations({ counted, time });
  if (!metrics.data) {
    return metrics.error ? (
      <Failure error={metrics.error} retry={() => void metrics.refetch()} />
    ) : (
      <Loading label="Loading charts" lines={8} />
    );
  }
  const calls = sum(metrics.data.calls);
  const errors = sum(metrics.data.errors);
  if (!calls) return <NoRequests {...counted} spans={overview.spans} time={time} />;
  const durations = counted.operation
    ? onlyOne(operations.data, counted)
    : counted.kind
      ? null
      : overview;
  return (
    <>
      <dl className={styles.figures}>
        <Figure name="Rate" value={formatRate(calls, time.seconds)} />
        <Figure name="Errors" value={<ErrorShare errors={errors} calls={calls} />} />
        {durations ? (
          <>
            <Figure name="p50" value={formatDuration(durations.p50_nanos)} />
            <Figure name="p95" value={formatDuration(durations.p95_nanos)} />
            <Figure name="p99" value={formatDuration(durations.p99_nanos)} />
          </>
        ) : null}
        <Figure
          name={counted.kind || counted.operation ? "Spans" : "Requests"}
          value={formatCount(calls)}
        />
      </dl>
      <RedCharts metrics={metrics.data} counted={counted} time={time} />
    </>
  );
}

function Figure({ name, value }: { readonly name: string; readonly value: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

/** The operation narrowed to; null where several kinds have its name and none was chosen. */
function onlyOne(
  operations: readonly OperationOverview[] | undefined,
  { operation, kind }: Narrowed,
): OperationOverview | null {
  const meant = (operations ?? []).filter(
    (one) => one.operation === operation && (!kind || one.kind === kind),
  );
  return meant.length === 1 ? meant[0]! : null;
}

function useOperations({ counted, time }: PartProps) {
  // The charts of an operation stand above the table of all: it is where the next one is chosen.
  const kind = counted.operation ? "" : counted.kind;
  return useApi(
    "/services/operations",
    { service: counted.service, kind, ...time.question },
    { keep: true },
  );
}

function Operations({ counted, time }: PartProps) {
  const operations = useOperations({ counted, time });
  if (operations.data) {
    return <OperationsTable operations={operations.data} counted={counted} time={time} />;
  }
  return operations.error ? (
    <Failure error={operations.error} retry={() => void operations.refetch()} />
  ) : (
    <Loading label="Loading operations" />
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
