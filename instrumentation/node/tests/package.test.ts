/** What `npm pack` makes, installed into an empty project, sends a trace: CommonJS, ESM, and typed. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, beforeEach, afterEach, expect, test } from "vitest";

import { PACKAGE, start, TSC } from "./support/program.js";
import { startHttpSink, type Sink } from "./support/sink.js";

let project = "";
let sink: Sink;

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), "ananta-empty-"));
  const packed = execFileSync(
    "npm",
    ["pack", "--json", "--ignore-scripts", "--pack-destination", project],
    { cwd: PACKAGE, encoding: "utf8" },
  );
  const [{ filename, files }] = JSON.parse(packed) as [
    { filename: string; files: { path: string }[] },
  ];
  expect(
    files
      .map(({ path }) => path)
      .filter((path) => !/^(dist\/|package\.json$|README\.md$)/.test(path)),
  ).toEqual([]);
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "empty", version: "3.2.1" }));
  execFileSync("npm", ["install", "--silent", "--no-audit", "--no-fund", `./${filename}`], {
    cwd: project,
  });
}, 180_000);
afterAll(() => rmSync(project, { recursive: true, force: true }));
beforeEach(async () => {
  sink = await startHttpSink();
});
afterEach(() => sink.close());

test.each([
  [
    "app.cjs",
    'const { initTracing, createSpan } = require("@ananta/tracing");\ninitTracing();\ncreateSpan("first", () => {});\n',
    [],
  ],
  [
    "app.mjs",
    'import { initTracing, createSpan } from "@ananta/tracing";\ninitTracing();\ncreateSpan("first", () => {});\n',
    [],
  ],
  [
    "import.mjs",
    'import { createSpan } from "@ananta/tracing";\ncreateSpan("first", () => {});\n',
    ["--import", "@ananta/tracing/register"],
  ],
  [
    "require.cjs",
    'require("@ananta/tracing").createSpan("first", () => {});\n',
    ["--require", "@ananta/tracing/register"],
  ],
])("%s", async (name, code, args) => {
  writeFileSync(join(project, name), code);
  const env = { OTEL_SERVICE_NAME: "" };
  const ended = await start(join(project, name), sink.endpoint, { args, cwd: project, env }).ended;
  expect(ended).toMatchObject({ code: 0, stderr: "" });
  expect(sink.spans).toMatchObject([
    { name: "first", resource: { "service.name": "empty", "service.version": "3.2.1" } },
  ]);
});

test("a configuration file needs a package that is not there", async () => {
  const args = ["--require", "@ananta/tracing/register"];
  const env = { OTEL_CONFIG_FILE: "tracing.yaml" };
  const { stderr } = await start(join(project, "app.cjs"), sink.endpoint, {
    args,
    cwd: project,
    env,
  }).ended;
  expect(stderr).toMatch(
    /OTEL_CONFIG_FILE: .*: npm install @opentelemetry\/sdk-node@[\d.]+; the other OTEL_ variables hold\n$/,
  );
  expect(sink.spans).toHaveLength(1);
});

test("a module that loads both forms has one set-up", async () => {
  const code = [
    'import { createRequire } from "node:module";',
    'import { initTracing } from "@ananta/tracing";',
    'const cjs = createRequire(import.meta.url)("@ananta/tracing");',
    "console.log(`same ${initTracing() === cjs.initTracing()}`);",
  ];
  writeFileSync(join(project, "both.mjs"), code.join("\n"));
  const { stdout, stderr } = await start(join(project, "both.mjs"), sink.endpoint, {
    args: [],
    cwd: project,
  }).ended;
  expect([stdout.trim(), stderr]).toEqual(["same true", ""]);
});

test("npx runs the doctor", () => {
  const { stdout, status } = spawnSync(
    "npx",
    ["@ananta/tracing", "doctor", "--endpoint", "http://127.0.0.1:9"],
    { cwd: project, encoding: "utf8" },
  );
  expect(stdout).toContain("serviceName: empty");
  expect(status).toBe(1);
});

test.each(["nodenext", "commonjs"])("its types hold under strict, module %s", (module) => {
  const code = `
    import { createSpan, extract, initTracing, inject, Trace, traceFunction, type TracingHandle } from "@ananta/tracing";
    import { recordSpans } from "@ananta/tracing/testing";
    import { temporalPlugin } from "@ananta/tracing/temporal";
    const handle: TracingHandle = initTracing({ serviceName: "s", samplingRatio: 0.1, excludeUrls: [/^\\/internal/] });
    const length: number = createSpan("a", (span) => span.spanContext().traceId.length);
    const later: Promise<string> = createSpan("b", { "bom.id": 1n }, async () => "x");
    const find = traceFunction({ attributes: (id: string) => ({ id }) }, (id: string) => id.length);
    const found: number = find("x");
    export class Service {
      @Trace() async run(id: string): Promise<string> { return id; }
      @Trace("named") static go(): void {}
    }
    export async function main(): Promise<boolean> {
      extract(inject(), () => 1);
      return (await handle.shutdown()) && (await later).length + length + found > 0;
    }
    export const testing = [recordSpans, temporalPlugin];
  `;
  const resolution =
    module === "commonjs" ? ["--moduleResolution", "node10", "--ignoreDeprecations", "5.0"] : [];
  const from =
    module === "commonjs"
      ? code.replace(/.*tracing\/(testing|temporal)".*|.*export const testing.*/g, "")
      : code;
  writeFileSync(join(project, "typed.ts"), from);
  const decorators = module === "commonjs" ? ["--experimentalDecorators"] : [];
  const { stdout, status } = spawnSync(
    process.execPath,
    [
      TSC,
      "--noEmit",
      "--strict",
      "--target",
      "es2022",
      "--skipLibCheck",
      "--module",
      module,
      ...resolution,
      ...decorators,
      "typed.ts",
    ],
    { cwd: project, encoding: "utf8" },
  );
  expect(stdout).toBe("");
  expect(status).toBe(0);
});
