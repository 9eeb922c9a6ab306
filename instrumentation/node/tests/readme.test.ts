/** The README's TypeScript holds under the strict compiler, and its list of settings is complete. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";

import { expect, test } from "vitest";

import { PACKAGE, TSC } from "./support/program.js";

const README = readFileSync(`${PACKAGE}README.md`, "utf8");
const FOLDER = `${PACKAGE}node_modules/.lanes/readme/`;

/** What stands around a snippet in a service. */
const AROUND = `
declare const id: string, options: object, connection: unknown;
declare function load(id: string): Promise<{ lines: string[] }>;
declare function lookup(mpn: string): Promise<string>;
declare const messages: { MessageAttributes?: object }[];
declare function handle(message: object): Promise<void>;
declare function processBom(id: string): Promise<void>;
declare function afterEach(fn: () => void): void;
declare function test(name: string, fn: () => Promise<void>): void;
declare class Client { constructor(options: { connection: unknown; plugins: { name: string }[] }) }
declare const Worker: { create(options: { plugins: { name: string }[] }): Promise<object> };
`;

test("its snippets compile", () => {
  const snippets = [...README.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, code]) => code!);
  expect(snippets).toHaveLength(6);
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(`${FOLDER}node_modules/@ananta`, { recursive: true });
  mkdirSync(`${FOLDER}observability`);
  symlinkSync(PACKAGE, `${FOLDER}node_modules/@ananta/tracing`);
  writeFileSync(`${FOLDER}package.json`, JSON.stringify({ type: "module" }));
  writeFileSync(`${FOLDER}application.ts`, "export class TenantMgmtServiceApplication {}\n");
  writeFileSync(`${FOLDER}observability/tracing.ts`, snippets[0]!);
  const files = snippets.slice(1).map((code, index) => {
    const file = `snippet${index}.ts`;
    writeFileSync(FOLDER + file, `${code}\n${AROUND}\nexport {};\n`);
    return file;
  });
  const flags = [
    "--noEmit",
    "--strict",
    "--skipLibCheck",
    "--target",
    "es2022",
    "--module",
    "esnext",
    "--moduleResolution",
    "bundler",
  ];
  expect(
    spawnSync(process.execPath, [TSC, ...flags, ...files], { cwd: FOLDER, encoding: "utf8" })
      .stdout,
  ).toBe("");
});

test("it names every function the package exports", async () => {
  const exported = Object.keys(await import("../dist/index.js"));
  const internal = new Set([
    "default",
    "module.exports",
    "__esModule",
    "resolveSettings",
    "coerce",
    "TracingSettingsError",
  ]);
  for (const name of exported.filter((each) => !internal.has(each))) expect(README).toContain(name);
});

test("it names every option", () => {
  const options = readFileSync(`${PACKAGE}src/options.ts`, "utf8");
  const names = [...options.matchAll(/^ {2}(\w+)\?:/gm)].map(([, name]) => name!);
  expect(names.length).toBeGreaterThan(20);
  for (const name of names) expect(README).toContain(`\`${name}`);
});
