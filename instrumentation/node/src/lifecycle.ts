/**
 * The end of the process: spans leave before it, within a deadline, and nobody's handler is stolen.
 *
 * - SIGTERM, SIGINT: flush. Where nobody else listens, the signal is then raised again, so the
 *   process ends the way it would have without us. Where somebody does, ending is their business.
 * - The event loop runs dry: flush, which keeps it alive so long.
 * - `process.exit()` with spans left: a short-lived process sends them while this one waits.
 */
import { warn } from "./log.js";

const SIGNALS = ["SIGTERM", "SIGINT"] as const;

/** What the end of the process has to do with spans. */
export interface Endable {
  /** How many spans are not delivered yet. */
  pending(): number;
  /** True: everything was delivered within the time. */
  flush(timeoutMillis: number): Promise<boolean>;
  /** The same without the event loop, where nothing else is left. */
  flushSynchronously(timeoutMillis: number): boolean;
}

/** Watches for the end of the process; returns what stops watching. */
export function watchProcessEnd(
  target: Endable,
  timeoutMillis: number,
  handleSignals: boolean,
): () => void {
  let hasGivenUp = false;
  const flush = async (): Promise<void> => {
    if (target.pending() === 0 || hasGivenUp) return;
    const isDelivered = await target.flush(timeoutMillis);
    if (!isDelivered && target.pending() > 0) giveUp(target.pending());
  };
  const giveUp = (count: number): void => {
    hasGivenUp = true;
    warn(`${count} spans were not delivered within ${timeoutMillis} ms of the end of the process`);
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    // Asked now: by the time of the answer a listener added by `once` has removed itself.
    const isHeardByOthers = process.listeners(signal).some((listener) => listener !== onSignal);
    void flush().then(() => {
      if (isHeardByOthers) return;
      process.removeListener(signal, onSignal);
      process.kill(process.pid, signal);
    });
  };
  const onBeforeExit = (): void => void flush();
  const onExit = (): void => {
    const count = target.pending();
    if (count > 0 && !hasGivenUp && !target.flushSynchronously(timeoutMillis)) giveUp(count);
  };
  if (handleSignals) SIGNALS.forEach((signal) => process.on(signal, onSignal));
  process.on("beforeExit", onBeforeExit);
  process.on("exit", onExit);
  return () => {
    SIGNALS.forEach((signal) => process.removeListener(signal, onSignal));
    process.removeListener("beforeExit", onBeforeExit);
    process.removeListener("exit", onExit);
  };
}
