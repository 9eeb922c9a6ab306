// Builds dist/: CommonJS by tsc, and for native modules a wrapper of each entry over the very same
// code, so that a process which loads both has one tracing set-up and not two. Does nothing where
// dist/ is newer than all it is made of: others may be running it.
import { execFileSync } from "node:child_process";
import { readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const ENTRIES = ["index", "register", "testing/index", "temporal"];
const NAME = /^[A-Za-z_$][\w$]*$/;
const root = fileURLToPath(new URL("../", import.meta.url));
const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");

if (isBuilt()) process.exit();
rmSync(`${root}dist`, { recursive: true, force: true });
execFileSync(process.execPath, [tsc, "-p", root], { stdio: "inherit" });

for (const entry of ENTRIES) {
  const file = `./${entry.split("/").at(-1)}.js`;
  const names = entry === "register" ? [] : exportedNames(`${root}dist/${entry}.js`);
  const wrapper =
    names.length === 0
      ? `import ${JSON.stringify(file)};\n`
      : `import cjs from ${JSON.stringify(file)};\nexport const { ${names.join(", ")} } = cjs;\n`;
  writeFileSync(`${root}dist/${entry}.mjs`, wrapper);
  writeFileSync(`${root}dist/${entry}.d.mts`, `export * from ${JSON.stringify(file)};\n`);
}

/** Whether the last file that is written came after the last change. */
function isBuilt() {
  const changed = (path) => statSync(`${root}${path}`, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const sources = readdirSync(`${root}src`, { recursive: true }).map((path) => `src/${path}`);
  const inputs = [...sources, "scripts/build.mjs", "package-lock.json", "tsconfig.json"];
  return changed(`dist/${ENTRIES.at(-1)}.d.mts`) > Math.max(...inputs.map(changed));
}

/** Read in a process of its own: loading an entry must not touch this one. */
function exportedNames(path) {
  const script = `console.log(JSON.stringify(Object.keys(require(${JSON.stringify(path)}))))`;
  const names = JSON.parse(execFileSync(process.execPath, ["-e", script], { encoding: "utf8" }));
  return names.filter((name) => NAME.test(name) && name !== "__esModule");
}
