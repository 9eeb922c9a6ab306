/** Where the application lies, and what is above a folder. */
import { dirname } from "node:path";

/** The folder of the main script; without a script, the working directory. */
export function applicationFolder(): string {
  const script = process.argv[1];
  return script === undefined ? process.cwd() : dirname(script);
}

/** The folder, the one it is in, and so on up to the root. */
export function upwards(folder: string): string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...upwards(parent)];
}
