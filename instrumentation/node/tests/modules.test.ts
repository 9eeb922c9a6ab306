/** Every way a program is built and started gives the same trace. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

import { transformSync } from "@swc/core";
import { buildSync } from "esbuild";
import ts from "typescript";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";

import { PACKAGE, REGISTER, REGISTER_ESM, start, type Program } from "./support/program.js";
import { startPostgres, type Running } from "./support/servers.js";
import { startHttpSink, type Sink } from "./support/sink.js";

const FIXTURE = `${PACKAGE}tests/fixtures/typed.ts`;
const BUILT = `${PACKAGE}node_modules/.lanes/built/`;
let postgres: Running;
let sink: Sink;
let program: Program;

beforeAll(async () => {
  mkdirSync(BUILT, { recursive: true });
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  sink = await startHttpSink();
});
afterEach(async () => {
  await program.stop();
  await sink.close();
});

async function expectTrace(file: string, args: string[], route: string | undefined): Promise<void> {
  program = start(file, sink.endpoint, { args, env: { PG_PORT: String(postgres.port) } });
  const port = await program.said("port");
  const traceId = await (await fetch(`http://127.0.0.1:${port}/items/7`)).text();
  await sink.waitFor(route === undefined ? 2 : 4);
  const server = sink.spans.find(({ kind }) => kind === "server")!;
  expect(server).toMatchObject({ name: route ?? "GET", traceId });
  const own = sink.named("own")[0]!;
  expect(own).toMatchObject({ parentId: server.spanId, traceId });
  if (route === undefined) return;
  const query = sink.spans.find(({ name }) => name.startsWith("pg.query"));
  expect(query).toMatchObject({ parentId: server.spanId, traceId });
}

function write(name: string, code: string): string {
  // The fixture's own import, from where it is compiled to.
  writeFileSync(BUILT + name, code.replaceAll("../../dist/index", `${PACKAGE}dist/index.js`));
  return BUILT + name;
}

test("native modules with --import", async () => {
  await expectTrace("native.mjs", ["--import", REGISTER_ESM], "GET /items/:id");
});

test("native modules with --require", async () => {
  await expectTrace("native.mjs", ["--require", REGISTER], "GET /items/:id");
});

test("CommonJS with --import", async () => {
  const { outputText } = ts.transpileModule(readFileSync(FIXTURE, "utf8"), {
    compilerOptions: {
      module: ts.ModuleKind.CommonJS,
      target: ts.ScriptTarget.ES2022,
      esModuleInterop: true,
    },
  });
  await expectTrace(write("tsc.cjs", outputText), ["--import", REGISTER_ESM], "GET /items/:id");
});

test("swc", async () => {
  const { code } = transformSync(readFileSync(FIXTURE, "utf8"), {
    jsc: { parser: { syntax: "typescript" }, target: "es2022" },
    module: { type: "commonjs" },
  });
  await expectTrace(write("swc.cjs", code), ["--require", REGISTER], "GET /items/:id");
});

test("esbuild, libraries left out of the bundle", async () => {
  const outfile = `${BUILT}external.cjs`;
  buildSync({
    entryPoints: [FIXTURE],
    outfile,
    bundle: true,
    platform: "node",
    packages: "external",
    logLevel: "silent",
    external: ["*/dist/index"],
  });
  await expectTrace(
    write("external.cjs", readFileSync(outfile, "utf8")),
    ["--require", REGISTER],
    "GET /items/:id",
  );
});

test("esbuild, everything in the bundle: the server is traced, its libraries are not", async () => {
  const outfile = `${BUILT}bundle.cjs`;
  buildSync({
    entryPoints: [FIXTURE],
    outfile,
    bundle: true,
    platform: "node",
    logLevel: "silent",
    external: ["pg-native"],
  });
  await expectTrace(outfile, ["--require", REGISTER], undefined);
});
