/** The package.json of the program that runs: it names the service where nobody else does. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { applicationFolder, upwards } from "../folders.js";

export interface PackageFile {
  readonly path: string;
  readonly name?: string;
  readonly version?: string;
}

/** The nearest package.json with a name, upwards from the main script, or else from here. */
export function findPackage(): PackageFile | undefined {
  for (const start of new Set([applicationFolder(), process.cwd()])) {
    if (start.includes("node_modules")) continue;
    for (const folder of upwards(start)) {
      const found = readPackage(join(folder, "package.json"));
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** Whether Node takes the script for a native module. */
export function isNativeModule(script: string): boolean {
  if (/\.m[jt]s$/.test(script)) return true;
  if (/\.c[jt]s$/.test(script)) return false;
  for (const folder of upwards(dirname(script))) {
    try {
      const { type } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
        type?: unknown;
      };
      return type === "module";
    } catch {
      // No package.json here; the next one upwards decides.
    }
  }
  return false;
}

function readPackage(path: string): PackageFile | undefined {
  try {
    const { name, version } = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
    if (typeof name !== "string") return undefined;
    return { path, name, ...(typeof version === "string" && { version }) };
  } catch {
    return undefined;
  }
}
