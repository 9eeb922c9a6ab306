/**
 * OpenTelemetry 3.x, which needs Node.js 22.15: the same package with its dependencies overridden.
 *
 * Run by the Node.js of the tests, or by the one the variable NODE_22 names.
 */
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { PACKAGE } from "./support/program.js";
import { startHttpSink } from "./support/sink.js";

const NODE = process.env["NODE_22"] ?? process.execPath;
const [major = 0, minor = 0] = execFileSync(NODE, ["-p", "process.versions.node"], {
  encoding: "utf8",
})
  .split(".")
  .map(Number);
const IS_NEW = major > 22 || (major === 22 && minor >= 15);

const OVERRIDES = {
  "@opentelemetry/api": "^1.10.0",
  "@opentelemetry/context-async-hooks": "^3.1.0",
  "@opentelemetry/core": "^3.1.0",
  "@opentelemetry/resources": "^3.1.0",
  "@opentelemetry/sdk-trace": "^3.1.0",
  "@opentelemetry/propagator-b3": "^3.1.0",
  "@opentelemetry/propagator-aws-xray": "^3.0.0",
  "@opentelemetry/instrumentation": "^0.301.0",
  "@opentelemetry/instrumentation-http": "^0.301.0",
  "@opentelemetry/instrumentation-pg": "^0.77.0",
  "@opentelemetry/instrumentation-redis": "^0.72.0",
  "@opentelemetry/instrumentation-ioredis": "^0.72.0",
  "@opentelemetry/instrumentation-undici": "^0.34.0",
  "@opentelemetry/instrumentation-aws-sdk": "^0.79.0",
  "@opentelemetry/instrumentation-pino": "^0.70.0",
  "@opentelemetry/instrumentation-winston": "^0.69.0",
};

const APP = `
import express from "express";
import { createSpan } from "@ananta/tracing";
const app = express();
app.get("/items/:id", (request, response) => createSpan("own", { when: new Date(0) }, () => response.send("x")));
const server = app.listen(0, "127.0.0.1", async () => {
  await (await fetch("http://127.0.0.1:" + server.address().port + "/items/1")).text();
  server.close();
  server.closeAllConnections();
});
`;

describe.runIf(IS_NEW)("on OpenTelemetry 3.x", () => {
  let project = "";
  beforeAll(() => {
    project = mkdtempSync(join(tmpdir(), "ananta-otel3-"));
    execFileSync("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", project], {
      cwd: PACKAGE,
    });
    const dependencies = {
      "@ananta/tracing": "file:./ananta-tracing-0.1.0.tgz",
      express: "^5.1.0",
    };
    writeFileSync(
      join(project, "package.json"),
      JSON.stringify({ name: "otel3", dependencies, overrides: OVERRIDES }),
    );
    writeFileSync(join(project, "app.mjs"), APP);
    execFileSync("npm", ["install", "--silent", "--no-audit", "--no-fund"], { cwd: project });
  }, 180_000);
  afterAll(() => rmSync(project, { recursive: true, force: true }));

  test("server, client and own spans arrive as one tree", async () => {
    const sink = await startHttpSink();
    const env = {
      ...process.env,
      OTEL_EXPORTER_OTLP_ENDPOINT: sink.endpoint,
      NODE_ENV: "development",
    };
    const { stderr } = await promisify(execFile)(
      NODE,
      ["--import", "@ananta/tracing/register", "app.mjs"],
      { cwd: project, env },
    );
    expect(stderr).toBe("");
    const [server, client, own] = ["GET /items/:id", "GET", "own"].map(
      (name) => sink.named(name)[0]!,
    );
    expect(own).toMatchObject({
      parentId: server!.spanId,
      attributes: { when: "1970-01-01T00:00:00+00:00" },
    });
    expect(server!.parentId).toBe(client!.spanId);
    expect(String(server!.resource["telemetry.sdk.version"])).toMatch(/^3\./);
    await sink.close();
  });
});
