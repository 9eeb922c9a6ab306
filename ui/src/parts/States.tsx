/** What a page says when it has nothing to show yet, nothing at all, or a failure. */

import { CircleAlert, Inbox, RefreshCw, TriangleAlert } from "lucide-react";
import { useEffect, useState, type ReactNode } from "react";
import { ApiError } from "@/api/client";
import { Button } from "./Button";
import styles from "./States.module.css";

const PATIENCE_MILLISECONDS = 150;

/** Grey bars where text will be; nothing at first, as most answers come at once. */
export function Loading({
  label = "Loading",
  lines = 6,
}: {
  readonly label?: string;
  readonly lines?: number;
}) {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), PATIENCE_MILLISECONDS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div className={styles.loading} role="status" aria-label={label}>
      {shown
        ? Array.from({ length: lines }, (_, line) => (
            <div
              key={line}
              className={styles.bar}
              style={{ width: `${92 - ((line * 17) % 40)}%` }}
            />
          ))
        : null}
    </div>
  );
}

/** Nothing to show: why, and what to do next. */
export function Empty({
  title,
  children,
  icon,
}: {
  readonly title: string;
  readonly children?: ReactNode;
  readonly icon?: ReactNode;
}) {
  return (
    <section className={styles.state}>
      <div className={styles.icon}>{icon ?? <Inbox size={28} aria-hidden />}</div>
      <h2>{title}</h2>
      <div className={styles.text}>{children}</div>
    </section>
  );
}

/** A failure in the server's own words, and a way to try again. */
export function Failure({
  error,
  retry,
  title,
}: {
  readonly error: Error;
  retry?(): void;
  readonly title?: string;
}) {
  const status = error instanceof ApiError && error.status ? ` (${error.status})` : "";
  return (
    <section className={styles.state} role="alert">
      <div className={`${styles.icon} ${styles.failed}`}>
        <CircleAlert size={28} aria-hidden />
      </div>
      <h2>
        {title ?? "This did not work"}
        {status}
      </h2>
      <p className={styles.text}>{error.message}</p>
      {retry ? (
        <Button icon={<RefreshCw size={14} />} onClick={retry}>
          Try again
        </Button>
      ) : null}
    </section>
  );
}

/** A line above content that is there, but not all right. */
export function Notice({
  tone = "warning",
  children,
}: {
  readonly tone?: "warning" | "error" | "info";
  readonly children: ReactNode;
}) {
  const Icon = tone === "error" ? CircleAlert : TriangleAlert;
  return (
    <div className={`${styles.notice} ${styles[tone]}`} role="status">
      {tone === "info" ? null : <Icon size={15} aria-hidden />}
      <div>{children}</div>
    </div>
  );
}
