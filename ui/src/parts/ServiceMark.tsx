/** The colour of a service, with two letters so that colour is never the only sign. */

import type { ServiceColor } from "@/model/colors";
import styles from "./ServiceMark.module.css";

/** CSS of a bar or swatch in a service's colour; striped from the ninth service on. */
export function serviceFill({ slot, striped }: ServiceColor): string {
  const color = `var(--service-${slot})`;
  if (!striped) return color;
  return `repeating-linear-gradient(135deg, ${color} 0 5px, color-mix(in srgb, ${color} 55%, var(--background)) 5px 8px)`;
}

export function ServiceMark({ color }: { readonly color: ServiceColor }) {
  return (
    <span className={styles.mark} aria-hidden>
      <span className={styles.swatch} style={{ background: serviceFill(color) }} />
      <span className={styles.letters}>{color.badge}</span>
    </span>
  );
}
