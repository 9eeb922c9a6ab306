/** Databases and queues of one's own, on temporary directories. */
import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { sleep } from "./sink.js";

export interface Running {
  readonly port: number;
  stop(): Promise<void>;
}

/** PostgreSQL refuses to run as root: then it runs as its own user. */
export async function startPostgres(): Promise<Running> {
  const bin = postgresBin();
  const isRoot = process.getuid?.() === 0;
  const folder = mkdtempSync(join(tmpdir(), "ananta-pg-"));
  const identity = isRoot ? { uid: idOf("-u"), gid: idOf("-g") } : {};
  if (identity.uid !== undefined) chownSync(folder, identity.uid, identity.gid);
  const options = { ...identity, cwd: folder, stdio: "ignore" as const };
  const data = join(folder, "data");
  execFileSync(
    join(bin, "initdb"),
    ["-D", data, "-U", "tester", "-A", "trust", "--no-sync"],
    options,
  );
  const port = await freePort();
  const child = spawn(
    join(bin, "postgres"),
    ["-D", data, "-p", String(port), "-h", "127.0.0.1", "-k", folder, "-F"],
    options,
  );
  await listening(port);
  await answering(
    () => spawnSync(join(bin, "pg_isready"), ["-h", "127.0.0.1", "-p", String(port)]).status === 0,
  );
  return { port, stop: () => stop(child, "SIGINT", folder) };
}

export async function startRedis(): Promise<Running> {
  if (spawnSync("redis-server", ["--version"]).status !== 0)
    throw new Error("these tests need Debian's package redis-server");
  const folder = mkdtempSync(join(tmpdir(), "ananta-redis-"));
  const port = await freePort();
  const child = spawn(
    "redis-server",
    ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder],
    { stdio: "ignore" },
  );
  await listening(port);
  return { port, stop: () => stop(child, "SIGTERM", folder) };
}

/** SQS as moto has it: a Python package. */
export async function startSqs(): Promise<Running> {
  if (spawnSync("python3", ["-c", "import moto.server"]).status !== 0)
    throw new Error("these tests need SQS: pip install moto flask-cors");
  const folder = mkdtempSync(join(tmpdir(), "ananta-sqs-"));
  const port = await freePort();
  const child = spawn("python3", ["-m", "moto.server", "-H", "127.0.0.1", "-p", String(port)], {
    stdio: "ignore",
  });
  await listening(port);
  return { port, stop: () => stop(child, "SIGTERM", folder) };
}

function postgresBin(): string {
  const root = "/usr/lib/postgresql";
  const versions = existsSync(root)
    ? readdirSync(root).filter((name) => existsSync(join(root, name, "bin/initdb")))
    : [];
  const newest = versions.sort((left, right) => Number(right) - Number(left))[0];
  if (newest === undefined) throw new Error("these tests need Debian's package postgresql");
  return join(root, newest, "bin");
}

function idOf(flag: "-u" | "-g"): number {
  return Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

export async function listening(port: number, timeoutMillis = 10_000): Promise<void> {
  for (let waited = 0; waited < timeoutMillis; waited += 20) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true)).on("error", () =>
        resolve(false),
      );
      socket.on("connect", () => socket.destroy());
    });
    if (isOpen) return;
    await sleep(20);
  }
  throw new Error(`nothing listens on port ${port}`);
}

async function answering(isReady: () => boolean): Promise<void> {
  for (let tries = 0; tries < 200 && !isReady(); tries++) await sleep(50);
}

export function stop(child: ChildProcess, signal: NodeJS.Signals, folder: string): Promise<void> {
  return new Promise((resolve) => {
    child.on("close", () => {
      rmSync(folder, { recursive: true, force: true });
      resolve();
    });
    child.kill(signal);
  });
}
