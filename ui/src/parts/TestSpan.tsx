/** Sends a span the whole way, and tells how far it came. */

import { CircleAlert, CircleCheck, CircleDashed, Send } from "lucide-react";
import { useRef, useState, type ReactNode } from "react";
import { Link } from "wouter";
import { API, fetchOk, type Answers } from "@/api/client";
import { formatDuration } from "@/model/format";
import { Button } from "./Button";
import { basePath, linkTo } from "@/url/location";
import styles from "./TestSpan.module.css";

type Sent = Answers["TestSpan"];

/** How far the span has come; `failed` is what stopped it, in the server's words. */
interface Trial {
  readonly sent: Sent | null;
  /** Milliseconds until it was found. */
  readonly foundAfter: number | null;
  readonly failed: string | null;
}

const PATIENCE_MILLISECONDS = 5000;
const EVERY_MILLISECONDS = 250;

export function useTestSpan() {
  const [trial, setTrial] = useState<Trial | null>(null);
  // Only the newest trial is told of.
  const newest = useRef(0);
  const send = () => {
    const number = ++newest.current;
    void tryTheWay((state) => {
      if (number === newest.current) setTrial(state);
    });
  };
  const running = trial !== null && trial.failed === null && trial.foundAfter === null;
  return { trial, running, send };
}

/** Sends a span and looks for it; tells each step, and ends with one found or failed. */
async function tryTheWay(tell: (trial: Trial) => void): Promise<void> {
  let sent: Sent | null = null;
  try {
    tell({ sent, foundAfter: null, failed: null });
    const begin = performance.now();
    const response = await fetchOk(`${API}/pipeline/test-span`, { method: "POST" });
    sent = (await response.json()) as Sent;
    tell({ sent, foundAfter: null, failed: null });
    while (!(await isStored(sent.trace_id))) {
      if (performance.now() - begin > PATIENCE_MILLISECONDS) throw new Error(NOT_FOUND);
      await new Promise((resume) => setTimeout(resume, EVERY_MILLISECONDS));
    }
    tell({ sent, foundAfter: performance.now() - begin, failed: null });
  } catch (error) {
    tell({
      sent,
      foundAfter: null,
      failed: error instanceof Error ? error.message : String(error),
    });
  }
}

const NOT_FOUND =
  "It is not in the store after 5 s. A sampler may have left it out, or it waits in a queue: look at" +
  " the problems and at what the components dropped.";

/** Asked as a search, which answers an empty list until the trace is there. */
async function isStored(traceId: string): Promise<boolean> {
  const response = await fetchOk(`${basePath}/api/traces?traceID=${traceId}`);
  const { data } = (await response.json()) as { data: readonly unknown[] };
  return data.length > 0;
}

export function TestSpanButton({ running, send }: { readonly running: boolean; send(): void }) {
  return (
    <Button icon={<Send size={14} aria-hidden />} disabled={running} onClick={send}>
      Send a test span
    </Button>
  );
}

export function TestSpanSteps({ trial: { sent, foundAfter, failed } }: { readonly trial: Trial }) {
  const found = foundAfter !== null;
  return (
    <div role="status" aria-label="Test span">
      <ol className={styles.steps}>
        <Step done={sent !== null} failed={failed !== null && sent === null}>
          {sent ? (
            <>
              Sent to <code>{sent.endpoint}</code> and accepted
            </>
          ) : failed ? (
            failed
          ) : (
            "Sending a span to a receiver of this process"
          )}
        </Step>
        {sent ? (
          <Step done={found} failed={failed !== null}>
            {found ? (
              <>
                Found in the store after {formatDuration(foundAfter * 1e6)}:{" "}
                <Link href={linkTo(`/trace/${sent.trace_id}`)}>open the trace</Link>
              </>
            ) : (
              (failed ?? "Looking for it in the store")
            )}
          </Step>
        ) : null}
      </ol>
    </div>
  );
}

function Step({
  done,
  failed,
  children,
}: {
  readonly done: boolean;
  readonly failed: boolean;
  readonly children: ReactNode;
}) {
  const Icon = failed ? CircleAlert : done ? CircleCheck : CircleDashed;
  return (
    <li className={failed ? styles.failed : done ? styles.done : styles.waiting}>
      <Icon size={15} aria-hidden />
      <span>{children}</span>
    </li>
  );
}
