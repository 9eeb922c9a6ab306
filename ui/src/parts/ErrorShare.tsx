/** The share that failed: a number, a colour and a sign, so that each can be missed. */

import { CircleAlert, TriangleAlert } from "lucide-react";
import { formatCount, formatShare } from "@/model/format";
import { healthOf, shareOf } from "@/model/serviceMap";
import styles from "./ErrorShare.module.css";

const SIGNS = { fine: null, some: TriangleAlert, many: CircleAlert };

export function ErrorShare({ errors, calls }: { readonly errors: number; readonly calls: number }) {
  const health = healthOf(errors, calls);
  const Sign = SIGNS[health];
  return (
    <span
      className={`${styles.share} ${styles[health]}`}
      title={`${formatCount(errors)} of ${formatCount(calls)} failed`}
    >
      {Sign ? <Sign size={12} aria-hidden /> : null}
      {formatShare(shareOf(errors, calls))}
    </span>
  );
}
