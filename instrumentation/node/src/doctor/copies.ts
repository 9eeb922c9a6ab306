/** How often a package is installed below the working directory. */
import { readdirSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";

interface Copy {
  readonly version: string;
  readonly path: string;
}

const MAX_DEPTH = 6;

/** Each copy of the package in the `node_modules` here and below; links count once. */
export function findCopies(name: string): Copy[] {
  const found = new Map<string, Copy>();
  const look = (folder: string, depth: number): void => {
    const path = join(folder, name);
    try {
      const { version } = JSON.parse(readFileSync(join(path, "package.json"), "utf8")) as {
        version: string;
      };
      found.set(realpathSync(path), { version, path });
    } catch {
      // Not in this folder.
    }
    if (depth === MAX_DEPTH) return;
    for (const each of packagesIn(folder)) look(join(each, "node_modules"), depth + 1);
  };
  look(join(process.cwd(), "node_modules"), 0);
  return [...found.values()];
}

function packagesIn(folder: string): string[] {
  const names = (path: string): string[] => {
    try {
      return readdirSync(path).map((name) => join(path, name));
    } catch {
      return [];
    }
  };
  return names(folder).flatMap((path) =>
    path.startsWith(join(folder, "@")) ? names(path) : [path],
  );
}
