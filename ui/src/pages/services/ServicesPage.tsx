/** How services do: all of them in a table, or one over time. */

import { RefreshCw } from "lucide-react";
import { lazy, Suspense } from "react";
import { useApi } from "@/api/client";
import { Button, IconButton } from "@/parts/Button";
import { Failure, Loading, Notice } from "@/parts/States";
import { TimeRangePicker } from "@/parts/TimeRangePicker";
import { linkTo, useUrl } from "@/url/location";
import { useTimeWindow } from "@/url/timeWindow";
import { Link } from "wouter";
import { ServicesTable } from "./ServicesTable";
import styles from "./ServicesPage.module.css";

// With it come the charts, which the table does not need.
const ServiceDetail = lazy(() =>
  import("./ServiceDetail").then(({ ServiceDetail }) => ({ default: ServiceDetail })),
);

export default function ServicesPage() {
  const { params } = useUrl();
  const time = useTimeWindow();
  const service = params.get("service") ?? "";
  const overview = useApi("/services/overview", time.question, { keep: true });
  return (
    <div className={styles.page}>
      <header className={styles.header}>
        <div className={styles.title}>
          {service ? (
            <nav aria-label="Above this page">
              <Link href={linkTo("/services", time.params)}>Services</Link>
              <span className={styles.separator} aria-hidden>
                /
              </span>
            </nav>
          ) : null}
          <h1>{service || "Services"}</h1>
        </div>
        <div className={styles.tools}>
          <TimeRangePicker range={time.range} onChange={time.setRange} />
          <IconButton
            label="Refresh"
            icon={<RefreshCw size={15} />}
            disabled={overview.isFetching}
            onClick={time.refresh}
          />
        </div>
      </header>
      {overview.data && overview.error ? (
        <Notice tone="error">
          These are the figures of before: {overview.error.message}{" "}
          <Button onClick={() => void overview.refetch()}>Try again</Button>
        </Notice>
      ) : null}
      {overview.data ? (
        service ? (
          <Suspense fallback={<Loading label={`Loading ${service}`} />}>
            <ServiceDetail key={service} service={service} services={overview.data} time={time} />
          </Suspense>
        ) : (
          <ServicesTable services={overview.data} time={time} />
        )
      ) : overview.error ? (
        <Failure error={overview.error} retry={() => void overview.refetch()} />
      ) : (
        <Loading label="Loading services" />
      )}
    </div>
  );
}
