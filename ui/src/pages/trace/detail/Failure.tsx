/** Why a span failed, before everything else about it: its status message and its exceptions. */

import { exceptionOf, type Exception } from "@/model/events";
import { at, ERROR } from "@/model/trace";
import { CopyButton } from "@/parts/CopyButton";
import { useTraceView } from "../store";
import { Section } from "./Section";
import { Value } from "./Value";
import styles from "./Failure.module.css";

export function Failure({ row }: { readonly row: number }) {
  const { trace } = useTraceView();
  const exceptions = trace.events(row).flatMap((event) => exceptionOf(event) ?? []);
  const message = at(trace.flags, row) & ERROR ? trace.statusMessage(row) : "";
  // Most libraries repeat the exception in the message of the status.
  const isRepeated = exceptions.some((one) => titleOf(one).includes(message));
  if (!exceptions.length && !message) return null;
  return (
    <Section title={exceptions.length ? "Exception" : "Error"} tone="error">
      {message && !isRepeated ? <p className={styles.message}>{message}</p> : null}
      {exceptions.map((exception, index) => (
        <Thrown key={index} exception={exception} />
      ))}
    </Section>
  );
}

function titleOf({ type, message }: Exception): string {
  return [type, message].filter(Boolean).join(": ") || "Exception";
}

function Thrown({ exception }: { readonly exception: Exception }) {
  const { stack } = exception;
  return (
    <>
      <p className={styles.message}>{titleOf(exception)}</p>
      {stack ? (
        <div className={styles.stack}>
          <Value attribute={{ key: "exception.stacktrace", value: stack, type: "string" }} />
          <CopyButton text={stack} label="Copy the stack" />
        </div>
      ) : null}
    </>
  );
}
