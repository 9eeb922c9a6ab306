/**
 * What the browser tests look at: one `ananta up` on ports of its own, with an hour of the demo.
 * `ANANTA` names the command, `ANANTA_TEST_URL` and `ANANTA_TEST_OTLP` a platform that runs already.
 */

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  export interface ProvidedContext {
    /** Where the pages are, without a slash at the end. */
    url: string;
    /** Where OTLP over HTTP is taken. */
    otlp: string;
  }
}

const ANANTA = process.env["ANANTA"] ?? resolve(import.meta.dirname, "../../../.venv/bin/ananta");
const HISTORY = ["--history", "1h", "--duration", "2s", "--seed", "7"];

export interface Platform {
  readonly url: string;
  readonly otlp: string;
  stop(): Promise<void>;
}

/** Starts a platform with an empty store; `settings` are further `--set` arguments. */
export async function startPlatform(settings: readonly string[] = []): Promise<Platform> {
  const directory = await mkdtemp(join(tmpdir(), "ananta-ui-"));
  const [query, http, grpc, health, zpages, metrics] = await freePorts(6);
  const reader = `[{pull: {exporter: {prometheus: {host: 127.0.0.1, port: ${metrics}}}}}]`;
  const moved = [
    `extensions.query.endpoint=127.0.0.1:${query}`,
    `receivers.otlp.protocols.http.endpoint=127.0.0.1:${http}`,
    `receivers.otlp.protocols.grpc.endpoint=127.0.0.1:${grpc}`,
    `extensions.health_check.endpoint=127.0.0.1:${health}`,
    `extensions.zpages.endpoint=127.0.0.1:${zpages}`,
    `service.telemetry.metrics.readers=${reader}`,
    ...settings,
  ];
  const sets = moved.flatMap((setting) => ["--set", setting]);
  const server = spawn(ANANTA, ["up", "--data-dir", directory, ...sets]);
  await untilReady(server);
  return {
    url: `http://127.0.0.1:${query}`,
    otlp: `http://127.0.0.1:${http}`,
    stop: async () => {
      server.kill("SIGINT");
      if (server.exitCode === null) await once(server, "exit");
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Plays a past of the demo into a platform. */
export async function playDemo(otlp: string, options: readonly string[] = HISTORY): Promise<void> {
  const demo = spawn(ANANTA, ["demo", "--endpoint", otlp, ...options], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [code] = (await once(demo, "exit")) as [number];
  if (code) throw new Error(`ananta demo ended with ${code}`);
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const running = process.env["ANANTA_TEST_URL"];
  if (running) {
    project.provide("url", running);
    project.provide("otlp", process.env["ANANTA_TEST_OTLP"] ?? "http://127.0.0.1:4318");
    return () => Promise.resolve();
  }
  const platform = await startPlatform();
  await playDemo(platform.otlp);
  project.provide("url", platform.url);
  project.provide("otlp", platform.otlp);
  return () => platform.stop();
}

async function untilReady(server: ChildProcess): Promise<void> {
  let output = "";
  await new Promise<void>((ready, failed) => {
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      if (/ready in/.test(output)) ready();
    };
    server.stdout?.on("data", read);
    server.stderr?.on("data", read);
    server.on("error", failed);
    server.on("exit", () => failed(new Error(`ananta up ended:\n${output}`)));
  });
}

/** Below those of outgoing connections, one of which could else take a port before it is used. */
async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = 10_000 + Math.floor(Math.random() * 10_000);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
    });
    if (isFree) ports.add(port);
  }
  return [...ports];
}
