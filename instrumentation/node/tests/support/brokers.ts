/** Brokers of messages of one's own, on temporary directories. */
import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { PACKAGE } from "./program.js";
import { freePort, listening, stop, type Running } from "./servers.js";

export const startKafka = (): Promise<Running> => startBroker("kafka");
export const startRabbitmq = (): Promise<Running> => startBroker("rabbitmq");

async function startBroker(name: string): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), `ananta-${name}-`));
  const port = await freePort();
  const script = `${PACKAGE}../brokers/run.sh`;
  const child = spawn("bash", [script, name, String(port), folder], { stdio: "ignore" });
  await listening(port, 90_000);
  return { port, stop: () => stop(child, "SIGTERM", folder) };
}
