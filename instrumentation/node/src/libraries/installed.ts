/** What is installed beside the application, found without loading it. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

import { applicationFolder, upwards } from "../folders.js";

const PACKAGE_OF: Readonly<Record<string, string>> = { "nestjs-core": "@nestjs/core" };

/** The npm package that the official instrumentation of this name is for. */
export function instrumentedBy(name: string): string {
  return PACKAGE_OF[name] ?? name;
}

/** Whether the package is in a `node_modules` the application resolves from, or in pnpm's store. */
export function isInstalled(name: string): boolean {
  return folders().some(
    (folder) =>
      existsSync(join(folder, name)) || existsSync(join(folder, ".pnpm/node_modules", name)),
  );
}

/** Loads a package the application depends on. */
export function requireFromApplication(name: string): Record<string, unknown> {
  return fromApplication()(name) as Record<string, unknown>;
}

/** The file of a module in a package the application depends on. */
export function resolveFromApplication(name: string): string {
  return fromApplication().resolve(name);
}

function fromApplication(): NodeJS.Require {
  return createRequire(join(applicationFolder(), "index.js"));
}

let found: string[] | undefined;

/** Every `node_modules` upwards from the main script, the working directory and this package. */
function folders(): string[] {
  if (found !== undefined) return found;
  const above = [applicationFolder(), process.cwd(), __dirname].flatMap(upwards);
  const candidates = [...new Set(above)].map((folder) => join(folder, "node_modules"));
  return (found = candidates.filter((folder) => existsSync(folder)));
}
