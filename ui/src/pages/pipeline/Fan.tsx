/** The lines from the boxes of one column to those of the next; arrows downwards on narrow windows. */

import { ArrowDown } from "lucide-react";
import styles from "./Flow.module.css";

export function Fan({
  from,
  to,
  long = false,
}: {
  /** The middles of the boxes, as shares of the height. */
  readonly from: readonly number[];
  readonly to: readonly number[];
  /** Goes past the column of processors, where there are none. */
  readonly long?: boolean;
}) {
  return (
    <li className={`${styles.fan} ${long ? styles.long : ""}`} aria-hidden>
      <ArrowDown className={styles.down} size={14} />
      <svg viewBox="0 0 100 100" preserveAspectRatio="none">
        {from.flatMap((start) =>
          to.map((end) => (
            <path
              key={`${start} ${end}`}
              d={`M0 ${start * 100}C50 ${start * 100} 50 ${end * 100} 100 ${end * 100}`}
            />
          )),
        )}
      </svg>
      {to.map((end) => (
        <span key={end} className={styles.arrow} style={{ top: `${end * 100}%` }} />
      ))}
    </li>
  );
}
