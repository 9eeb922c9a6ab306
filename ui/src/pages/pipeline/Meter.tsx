/** How full something is: a bar with the share in words beside it; striped when nearly full. */

import { formatShare } from "@/model/format";
import styles from "./Meter.module.css";

/** From this share on a queue is a problem; the server says so too. */
const NEARLY_FULL = 0.8;

export function Meter({
  label,
  share,
  text,
}: {
  readonly label: string;
  /** Of one. */
  readonly share: number;
  /** What the share is of, such as `12 of 300 requests`. */
  readonly text: string;
}) {
  const full = share > NEARLY_FULL;
  const width = `${Math.min(100, share * 100)}%`;
  return (
    <div
      className={styles.meter}
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={1}
      aria-valuenow={Math.min(1, share)}
      aria-valuetext={`${formatShare(share)}, ${text}`}
      title={`${formatShare(share)}: ${text}`}
    >
      <div className={full ? styles.full : styles.filled} style={{ width }} />
    </div>
  );
}
