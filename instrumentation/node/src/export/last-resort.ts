/**
 * What `process.exit()` would lose: sent by a short-lived process while this one waits.
 *
 * At the event `exit` only synchronous work is left. The bytes are handed to a new Node.js on its
 * standard input; it sends them with the same sender, and the deadline holds for both.
 */
import { spawnSync } from "node:child_process";
import { buffer } from "node:stream/consumers";

import { createSender, type Target } from "./delivery.js";

const TARGET_VARIABLE = "ANANTA_TRACING_LAST_RESORT_TARGET";

/** Sends one request, and waits for it or for the end of the time; true when it was delivered. */
export function sendSynchronously(body: Buffer, target: Target, timeoutMillis: number): boolean {
  const { status } = spawnSync(process.execPath, [__filename], {
    input: body,
    timeout: timeoutMillis,
    stdio: ["pipe", "ignore", "ignore"],
    // Nothing else of the environment: NODE_OPTIONS may load this very package again.
    env: { [TARGET_VARIABLE]: JSON.stringify({ target, timeoutMillis }) },
  });
  return status === 0;
}

async function main(task: string): Promise<void> {
  const { target, timeoutMillis } = JSON.parse(task) as { target: Target; timeoutMillis: number };
  const { kind } = await createSender(target).send(await buffer(process.stdin), timeoutMillis);
  process.exit(kind === "delivered" ? 0 : 1);
}

const task = process.env[TARGET_VARIABLE];
if (require.main === module && task !== undefined) void main(task);
