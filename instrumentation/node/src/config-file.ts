/**
 * `OTEL_CONFIG_FILE`: the SDK sets itself up as a file says, and this package joins what is there.
 *
 * The file, read by `@opentelemetry/sdk-node`, decides on resource, sampler, propagators and
 * exporters, whatever options and other variables say. Instrumented libraries, correlated logs and
 * the flush at the end of the process stay this package's.
 */
import { createRequire } from "node:module";

import { messageOf } from "./log.js";

/** The part of `@opentelemetry/sdk-node` and `@opentelemetry/configuration` this module uses. */
interface Loader {
  readonly startNodeSDK: () => unknown;
  readonly createConfigFactory: () => { getConfigModel(): { readonly tracer_provider?: unknown } };
}

/** Has the SDK set itself up by the file; what stands in the way, if anything does. */
export function startFromFile(path: string): string | undefined {
  const loader = load();
  if (loader === undefined) {
    return "reading it needs a package more: npm install @opentelemetry/sdk-node@0.223.0";
  }
  try {
    // Read once more by the SDK, which keeps to itself what is wrong.
    loader.createConfigFactory().getConfigModel();
  } catch (error) {
    return `'${path}' cannot be used (${messageOf(error).replace(/\s+/g, " ")})`;
  }
  loader.startNodeSDK();
  return undefined;
}

function load(): Loader | undefined {
  try {
    const path = require.resolve("@opentelemetry/sdk-node");
    const requireThere = createRequire(path);
    const loader = {
      ...(requireThere(path) as Partial<Loader>),
      ...(requireThere("@opentelemetry/configuration") as Partial<Loader>),
    };
    return typeof loader.startNodeSDK === "function" ? (loader as Loader) : undefined;
  } catch {
    return undefined;
  }
}
