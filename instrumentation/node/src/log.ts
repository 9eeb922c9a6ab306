/** The few lines this package says, on standard error. */
import { diag, DiagLogLevel, type DiagLogger } from "@opentelemetry/api";

const PREFIX = "[ananta-tracing]";

/** One line for a person, told whatever the log level is unless that is `none`. */
export function warn(message: string): void {
  if (!isSilent) process.stderr.write(`${PREFIX} ${message}\n`);
}

let isSilent = false;

/** What an error says, or whatever else was thrown; never throws itself. */
export function messageOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return "an error that cannot be shown";
  }
}

const LEVELS: Readonly<Record<string, DiagLogLevel>> = {
  none: DiagLogLevel.NONE,
  error: DiagLogLevel.ERROR,
  warn: DiagLogLevel.WARN,
  info: DiagLogLevel.INFO,
  debug: DiagLogLevel.DEBUG,
  verbose: DiagLogLevel.VERBOSE,
  all: DiagLogLevel.ALL,
};

/** What `OTEL_LOG_LEVEL` may name. */
export const LOG_LEVELS: readonly string[] = Object.keys(LEVELS);

/** Sends OpenTelemetry's own messages of this level to standard error. */
export function setLogLevel(name: string): void {
  isSilent = name === "none";
  const level = LEVELS[name || "warn"] ?? DiagLogLevel.WARN;
  const line =
    (label: string) =>
    (message: string, ...details: unknown[]): void => {
      const text = [message, ...details.map(messageOf)].join(" ");
      process.stderr.write(`${PREFIX} ${label} ${text}\n`);
    };
  const logger: DiagLogger = {
    error: line("error:"),
    warn: line("warning:"),
    info: line("info:"),
    debug: line("debug:"),
    verbose: line("verbose:"),
  };
  diag.setLogger(logger, { logLevel: level, suppressOverrideMessage: true });
}
