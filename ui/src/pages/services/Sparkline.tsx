/** A rate over the window as a few bars, for the eye alone: the figure stands beside it. */

import styles from "./ServicesPage.module.css";

const WIDTH = 96;
const HEIGHT = 20;

export function Sparkline({ counts }: { readonly counts: readonly number[] }) {
  const most = Math.max(...counts, 1);
  const width = WIDTH / Math.max(counts.length, 1);
  const bars = counts
    .map((count, at) => {
      const height = count ? Math.max((count / most) * HEIGHT, 1) : 0;
      return height
        ? `M${(at * width).toFixed(1)} ${HEIGHT}v${(-height).toFixed(1)}h${(width - 1).toFixed(1)}V${HEIGHT}z`
        : "";
    })
    .join("");
  return (
    <svg className={styles.sparkline} width={WIDTH} height={HEIGHT} aria-hidden>
      <path d={`M0 ${HEIGHT - 0.5}h${WIDTH}`} />
      <path d={bars} />
    </svg>
  );
}
