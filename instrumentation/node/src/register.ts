/**
 * `node --import @ananta/tracing/register app.js`, or `--require`: tracing before the application.
 *
 * It is set up from the environment alone. Where native modules are used, they get the hook through
 * which the instrumentations see them; the hook has a thread of its own, which others need not pay.
 */
import { register } from "node:module";
import { pathToFileURL } from "node:url";
import { isMainThread } from "node:worker_threads";

import { initTracing } from "./init.js";
import { warn } from "./log.js";
import { isNativeModule } from "./settings/package-file.js";

/** Set while the thread of the hook starts: with `--require` it loads this file as well. */
const HOOK_THREAD = "ANANTA_TRACING_HOOK_THREAD";

if (process.env[HOOK_THREAD] === undefined) {
  // A hook of the main thread holds for its workers too.
  if (isMainThread && usesNativeModules()) registerHook();
  initTracing();
}

function usesNativeModules(): boolean {
  const flags = `${process.execArgv.join(" ")} ${process.env["NODE_OPTIONS"] ?? ""}`;
  const script = process.argv[1];
  return (
    /--(import|loader|experimental-loader)\b/.test(flags) ||
    script === undefined ||
    isNativeModule(script)
  );
}

function registerHook(): void {
  process.env[HOOK_THREAD] = "1";
  try {
    register("@opentelemetry/instrumentation/hook.mjs", pathToFileURL(__filename));
  } catch (error) {
    warn(
      `native modules are not instrumented, since their hook could not be registered: ${String(error)}`,
    );
  } finally {
    Reflect.deleteProperty(process.env, HOOK_THREAD);
  }
}
