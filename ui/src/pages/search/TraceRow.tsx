/** One trace of the list: a link to it, as a whole. */

import { CircleAlert } from "lucide-react";
import { memo } from "react";
import { Link } from "wouter";
import type { ServiceColor } from "@/model/colors";
import { formatCount } from "@/model/format";
import type { TraceSummary } from "@/model/scatter";
import { formatTime, type Zone } from "@/model/time";
import { Duration } from "@/parts/Figures";
import { ServiceMark } from "@/parts/ServiceMark";
import { linkTo } from "@/url/location";
import { usePicks } from "./picks";
import styles from "./TraceTable.module.css";

interface TraceRowProps {
  readonly trace: TraceSummary;
  readonly rowIndex: number;
  readonly top: number;
  readonly height: number;
  readonly longest: number;
  readonly colors: ReadonlyMap<string, ServiceColor>;
  readonly find: string;
  readonly zone: Zone;
  /** As the head of the column tells it. */
  readonly offset: string;
  readonly isPicked: boolean;
  readonly isFresh: boolean;
}

export const TraceRow = memo(function TraceRow(props: TraceRowProps) {
  const { trace, rowIndex, top, height, longest, colors, find, isPicked, isFresh } = props;
  const { zone, offset } = props;
  const { trace_id: traceId, root_service: service, root_operation: operation, errors } = trace;
  const toggle = usePicks((store) => store.toggle);
  const color = colors.get(service);
  const name = service ? `${service} ${operation}` : "Trace without its root span";
  return (
    <div
      role="row"
      aria-rowindex={rowIndex}
      className={`${styles.row} ${isFresh ? styles.fresh : ""}`}
      style={{ height, transform: `translateY(${top}px)` }}
    >
      <div role="cell" className={styles.pick}>
        <input
          type="checkbox"
          aria-label={`Compare ${name}`}
          checked={isPicked}
          onChange={() => toggle(trace)}
        />
      </div>
      <div role="cell" className={styles.start}>
        <Start micros={trace.start_micros} zone={zone} offset={offset} />
      </div>
      <div role="cell" className={styles.name}>
        {color ? <ServiceMark color={color} /> : null}
        <Link
          className={styles.link}
          href={linkTo(`/trace/${traceId}`, { uiFind: find })}
          title={name}
        >
          {service ? (
            <>
              <b>{service}</b> {operation}
            </>
          ) : (
            <i>{name}</i>
          )}
        </Link>
        {isFresh ? <span className={styles.badge}>new</span> : null}
        <code className={styles.id}>{traceId.slice(0, 7)}</code>
      </div>
      <div role="cell" className={styles.services}>
        <Services services={trace.services} colors={colors} />
      </div>
      <div role="cell" className={styles.duration}>
        <span className={styles.track} aria-hidden>
          <span style={{ width: `${Math.max((trace.duration_nanos / longest) * 100, 1)}%` }} />
        </span>
        <Duration nanos={trace.duration_nanos} />
      </div>
      <div role="cell" className={styles.spans}>
        {formatCount(trace.spans)}
        <span className={styles.unit}> {trace.spans === 1 ? "span" : "spans"}</span>
      </div>
      <div role="cell" className={styles.errors}>
        {errors ? (
          <span className={styles.failed}>
            <CircleAlert size={13} aria-hidden />
            {formatCount(errors)}
            <span className="visually-hidden">{errors === 1 ? " error" : " errors"}</span>
          </span>
        ) : (
          <span className="visually-hidden">none</span>
        )}
      </div>
    </div>
  );
});

/** Without the offset that the head of the column tells; another one, of summer time, is told. */
function Start({
  micros,
  zone,
  offset,
}: {
  readonly micros: number;
  readonly zone: Zone;
  readonly offset: string;
}) {
  const text = formatTime(micros, zone);
  return (
    <time
      dateTime={new Date(micros / 1000).toISOString()}
      title={formatTime(micros, zone, "microsecond")}
    >
      {text.endsWith(` ${offset}`) ? text.slice(0, -offset.length - 1) : text}
    </time>
  );
}

const MOST_SERVICES = 5;

function Services({
  services,
  colors,
}: {
  readonly services: TraceSummary["services"];
  readonly colors: ReadonlyMap<string, ServiceColor>;
}) {
  const all = services.map(({ service, spans }) => `${service} (${formatCount(spans)})`).join(", ");
  return (
    <span className={styles.marks} title={all}>
      <span className="visually-hidden">{all}</span>
      {services.slice(0, MOST_SERVICES).map(({ service, spans }) => {
        const color = colors.get(service);
        return color ? (
          <span key={service} className={styles.mark} aria-hidden>
            <ServiceMark color={color} />
            {formatCount(spans)}
          </span>
        ) : null;
      })}
      {services.length > MOST_SERVICES ? (
        <span aria-hidden>+{services.length - MOST_SERVICES}</span>
      ) : null}
    </span>
  );
}
