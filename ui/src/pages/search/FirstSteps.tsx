/** For a platform without any trace: how to send the first one, and a span to try the way. */

import { useEffect } from "react";
import { Snippets } from "@/parts/Snippets";
import { TestSpanButton, TestSpanSteps, useTestSpan } from "@/parts/TestSpan";
import styles from "./FirstSteps.module.css";

const LOOK_EVERY_MILLISECONDS = 2000;
const LOOK_AFTER_SENDING_MILLISECONDS = 300;

/** Shown until there is a trace; `onLook` is called again and again to see whether there is. */
export default function FirstSteps({ onLook }: { onLook(): void }) {
  const { trial, running, send } = useTestSpan();
  const isSent = trial !== null && trial.sent !== null;
  useEffect(() => {
    const every = isSent ? LOOK_AFTER_SENDING_MILLISECONDS : LOOK_EVERY_MILLISECONDS;
    const timer = setInterval(() => {
      if (!document.hidden) onLook();
    }, every);
    return () => clearInterval(timer);
  }, [onLook, isSent]);
  return (
    <section className={styles.steps} aria-label="First steps">
      <h1>There is no trace yet</h1>
      <p className={styles.text}>
        Point an application or a Collector here; its first trace appears on this page by itself.
      </p>
      <Snippets />
      <p className={styles.text}>
        No application at hand? <code>ananta demo</code> plays a whole platform into this one.
      </p>
      <div className={styles.try}>
        <TestSpanButton running={running} send={send} />
        {trial ? (
          <TestSpanSteps trial={trial} />
        ) : (
          <span className={styles.text}>
            It goes the whole way, through this process&apos;s own receiver.
          </span>
        )}
      </div>
    </section>
  );
}
