/** The traces picked for comparison, at the bottom of the page. */

import { GitCompareArrows, X } from "lucide-react";
import { formatDuration } from "@/model/format";
import { Button, ButtonLink } from "@/parts/Button";
import { compareLink, usePicks } from "./picks";
import chipStyles from "./Chips.module.css";
import styles from "./CompareBar.module.css";

export function CompareBar() {
  const { picks, remove, clear } = usePicks();
  if (!picks.length) return null;
  return (
    <section className={styles.bar} aria-label="Picked for comparison">
      <ul className={chipStyles.chips}>
        {picks.map(({ traceId, service, operation, durationNanos }, index) => (
          <li key={traceId} className={chipStyles.chip}>
            <span className={styles.letter}>{String.fromCharCode(65 + (index % 26))}</span>
            <span className={styles.name} title={`${service} ${operation}, ${traceId}`}>
              {service} {operation || traceId.slice(0, 8)}
            </span>
            <span className={styles.duration}>{formatDuration(durationNanos)}</span>
            <button
              type="button"
              className={chipStyles.remove}
              aria-label={`Take ${service} ${operation} out of the comparison`}
              title="Take out"
              onClick={() => remove(traceId)}
            >
              <X size={13} aria-hidden />
            </button>
          </li>
        ))}
      </ul>
      <div className={styles.tools}>
        {picks.length === 1 ? <span className={styles.hint}>Pick a second trace</span> : null}
        <Button variant="quiet" onClick={clear}>
          Clear
        </Button>
        {picks.length > 1 ? (
          <ButtonLink
            variant="primary"
            href={compareLink(picks)}
            icon={<GitCompareArrows size={14} aria-hidden />}
          >
            Compare {picks.length > 2 ? picks.length : ""}
          </ButtonLink>
        ) : null}
      </div>
    </section>
  );
}
