/** For a platform without any trace: how to send the first one, and a span to try the way. */

import { Send } from "lucide-react";
import { useEffect, useState } from "react";
import { apiUrl, fetchOk, type Answers } from "@/api/client";
import { Button } from "@/parts/Button";
import { Snippets } from "@/parts/Snippets";
import { Notice } from "@/parts/States";
import styles from "./FirstSteps.module.css";

const LOOK_EVERY_MILLISECONDS = 2000;
const LOOK_AFTER_SENDING_MILLISECONDS = 300;

/** Shown until there is a trace; `onLook` is called again and again to see whether there is. */
export default function FirstSteps({ onLook }: { onLook(): void }) {
  const [sent, setSent] = useState<Answers["TestSpan"] | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const [sending, setSending] = useState(false);
  useEffect(() => {
    const every = sent ? LOOK_AFTER_SENDING_MILLISECONDS : LOOK_EVERY_MILLISECONDS;
    const timer = setInterval(() => {
      if (!document.hidden) onLook();
    }, every);
    return () => clearInterval(timer);
  }, [onLook, sent]);
  const send = async () => {
    setSending(true);
    setFailure(null);
    try {
      const response = await fetchOk(apiUrl("/pipeline/test-span"), { method: "POST" });
      setSent((await response.json()) as Answers["TestSpan"]);
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
    }
    setSending(false);
  };
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
        <Button
          variant="primary"
          icon={<Send size={14} aria-hidden />}
          disabled={sending || sent !== null}
          onClick={() => void send()}
        >
          Send a test span
        </Button>
        <span className={styles.text} role="status">
          {sent
            ? `Sent to ${sent.endpoint}; waiting for it to be found…`
            : "It goes the whole way, through this process's own receiver."}
        </span>
      </div>
      {failure ? <Notice tone="error">{failure}</Notice> : null}
    </section>
  );
}
