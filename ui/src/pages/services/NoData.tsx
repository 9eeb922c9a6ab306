/** Why a service has nothing to show, each reason with its way out. */

import { SearchX } from "lucide-react";
import type { Answers } from "@/api/client";
import { useSettings } from "@/app/settings";
import { formatCount } from "@/model/format";
import { formatTime } from "@/model/time";
import { Button, ButtonLink } from "@/parts/Button";
import { Empty } from "@/parts/States";
import { linkTo, useUrl } from "@/url/location";
import type { TimeWindow } from "@/url/timeWindow";
import styles from "./ServicesPage.module.css";

type ServiceOverview = Answers["ServiceOverview"];

const HALF_HOUR_MICROS = 1800e6;
const icon = <SearchX size={28} aria-hidden />;

export function NoService({
  service,
  services,
}: {
  readonly service: string;
  readonly services: readonly ServiceOverview[];
}) {
  const { link } = useUrl();
  const alike = services
    .map((one) => one.service)
    .filter((name) => name.toLowerCase().includes(service.toLowerCase().slice(0, 4)))
    .slice(0, 5);
  return (
    <Empty title={`There is no service ${service}`} icon={icon}>
      <p>No stored span has this service.name. Names are case-sensitive.</p>
      <p className={styles.actions}>
        {alike.map((name) => (
          <ButtonLink key={name} href={link({ service: name, operation: null })}>
            {name}
          </ButtonLink>
        ))}
        <ButtonLink href={linkTo("/services")}>All services</ButtonLink>
      </p>
    </Empty>
  );
}

export function NoSpans({
  overview,
  time,
}: {
  readonly overview: ServiceOverview;
  readonly time: TimeWindow;
}) {
  const zone = useSettings((settings) => settings.zone);
  const last = overview.last_span_micros;
  return (
    <Empty title={`No spans of ${overview.service} in this stretch of time`} icon={icon}>
      <p>
        {last
          ? `Its last span before began at ${formatTime(last, zone)}.`
          : "None began before it either."}
      </p>
      <p className={styles.actions}>
        {last ? (
          <Button
            onClick={() =>
              time.setRange({
                startMicros: last - HALF_HOUR_MICROS,
                endMicros: last + HALF_HOUR_MICROS,
              })
            }
          >
            Go to its last span
          </Button>
        ) : null}
        <Button onClick={() => time.setRange({ lookback: "24h" })}>Show the last 24 hours</Button>
      </p>
    </Empty>
  );
}

interface NoRequestsProps {
  readonly service: string;
  readonly operation: string;
  readonly kind: string;
  /** Of the service, of any kind. */
  readonly spans: number;
  readonly time: TimeWindow;
}

/** The service has spans, but none of those the charts are about. */
export function NoRequests({ service, operation, kind, spans, time }: NoRequestsProps) {
  const { change } = useUrl();
  if (operation || kind) {
    const what = operation ? `of operation ${operation}` : "";
    return (
      <Empty title={`No ${kind} spans ${what} in this stretch of time`} icon={icon}>
        <p>
          {service} sent {formatCount(spans)} others.
        </p>
        <p className={styles.actions}>
          <Button onClick={() => change({ operation: null, kind: null, spanKind: null })}>
            Show all requests
          </Button>
        </p>
      </Empty>
    );
  }
  return (
    <Empty title={`${service} served no requests`} icon={icon}>
      <p>
        Its {formatCount(spans)} spans are steps within work that others began: none has the kind
        server or consumer, and none is the root of a trace.
      </p>
      <p className={styles.actions}>
        <Button onClick={() => change({ kind: "internal" })}>Show internal spans</Button>
        <Button onClick={() => change({ kind: "client" })}>Show its own calls</Button>
        <ButtonLink href={linkTo("/search", { service, ...time.params })}>Show traces</ButtonLink>
      </p>
    </Empty>
  );
}
