/** A program of its own with tracing, as a user would start it. */
import { spawn, type ChildProcess } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

export const PACKAGE = fileURLToPath(new URL("../../", import.meta.url));
export const REGISTER = `${PACKAGE}dist/register.js`;
export const REGISTER_ESM = `${PACKAGE}dist/register.mjs`;
/** The TypeScript compiler, a script for Node.js. */
export const TSC = createRequire(import.meta.url).resolve("typescript/bin/tsc");
const FIXTURES = `${PACKAGE}tests/fixtures/`;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly millis: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StartOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export class Program {
  stdout = "";
  stderr = "";
  readonly ended: Promise<Ended>;

  constructor(readonly process: ChildProcess) {
    const started = performance.now();
    process.stdout!.setEncoding("utf8").on("data", (text: string) => (this.stdout += text));
    process.stderr!.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
    this.ended = new Promise((resolve) => {
      process.on("close", (code, signal) => {
        const millis = performance.now() - started;
        resolve({ code, signal, millis, stdout: this.stdout, stderr: this.stderr });
      });
    });
  }

  /** The text after `word ` on a line the program printed. */
  async said(word: string): Promise<string> {
    const pattern = new RegExp(`^${word} (.*)$`, "m");
    for (let waited = 0; waited < 2000; waited++) {
      const match = pattern.exec(this.stdout);
      if (match) return match[1]!;
      if (this.process.exitCode !== null) break;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`the program did not say '${word}':\n${this.stdout}\n${this.stderr}`);
  }

  stop(): Promise<Ended> {
    this.process.kill("SIGTERM");
    return this.ended;
  }
}

/** Starts a file of tests/fixtures, or any file by its absolute path. */
export function start(file: string, endpoint: string, options: StartOptions = {}): Program {
  const path = file.startsWith("/") ? file : FIXTURES + file;
  const { NODE_ENV: _, VITEST: __, ...environment } = process.env;
  const child = spawn(process.execPath, [...(options.args ?? ["--require", REGISTER]), path], {
    cwd: options.cwd ?? FIXTURES,
    env: {
      ...environment,
      OTEL_SERVICE_NAME: "fixture",
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_BSP_SCHEDULE_DELAY: "50",
      ...options.env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return new Program(child);
}
