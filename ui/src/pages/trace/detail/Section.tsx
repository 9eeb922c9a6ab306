/** A part of the detail that can be folded; folded ones stay so for other spans too. */

import { ChevronDown, ChevronRight } from "lucide-react";
import type { ReactNode } from "react";
import { create } from "zustand";
import { persist } from "zustand/middleware";
import styles from "./Section.module.css";

interface Folds {
  /** Sections by title: whether they are open; others are as they want to be. */
  readonly open: Readonly<Record<string, boolean>>;
}

const useFolds = create<Folds>()(persist(() => ({ open: {} }), { name: "ananta-trace-sections" }));

interface SectionProps {
  readonly title: string;
  readonly count?: number;
  readonly tone?: "warning" | "error";
  readonly folded?: boolean;
  /** Beside the title, such as a switch. */
  readonly tools?: ReactNode;
  readonly children: ReactNode;
}

export function Section({ title, count, tone, folded, tools, children }: SectionProps) {
  const isOpen = useFolds(({ open }) => open[title]) ?? !folded;
  const Chevron = isOpen ? ChevronDown : ChevronRight;
  return (
    <section className={styles.section}>
      <div className={styles.head}>
        <h3 className={tone ? styles[tone] : undefined}>
          <button
            type="button"
            aria-expanded={isOpen}
            onClick={() =>
              useFolds.setState(({ open }) => ({ open: { ...open, [title]: !isOpen } }))
            }
          >
            <Chevron size={14} aria-hidden />
            {title}
            {count === undefined ? null : <span className={styles.count}>{count}</span>}
          </button>
        </h3>
        {isOpen ? tools : null}
      </div>
      {isOpen ? <div className={styles.content}>{children}</div> : null}
    </section>
  );
}
