/** What is set up in this process, held once even where this package is loaded twice. */
import type { Resource } from "@opentelemetry/resources";
import type { SpanProcessor } from "@opentelemetry/sdk-trace";

import type { AppliedLibrary } from "./libraries/index.js";
import type { TracingHandle } from "./init.js";

export interface State {
  readonly handle: TracingHandle;
  readonly libraries: readonly AppliedLibrary[];
  /** Undefined where the provider is somebody else's. */
  readonly resource: Resource | undefined;
  readonly processors: readonly SpanProcessor[];
  /** Stops everything and takes the globals back; for tests. */
  readonly dismantle: () => void;
}

const KEY = Symbol.for("ananta.tracing");
const holder = globalThis as typeof globalThis & { [KEY]?: State | undefined };

export function currentState(): State | undefined {
  return holder[KEY];
}

export function setState(state: State | undefined): void {
  holder[KEY] = state;
}
