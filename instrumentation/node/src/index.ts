/** Tracing for Node.js services: `initTracing()` and the helpers around it. */
export {
  initTracing,
  flushTracing,
  shutdownTracing,
  TracingSettingsError,
  type TracingHandle,
} from "./init.js";
export type { TracingOptions } from "./options.js";
export type { Redaction } from "./redaction.js";
export { resolveSettings, type Settings } from "./settings/index.js";
export { instrumentApp, type InstrumentAppOptions } from "./apps.js";
export { traceFunction, type TraceOptions } from "./helpers/functions.js";
export { Trace, traced, type MethodDecorator } from "./helpers/decorator.js";
export {
  addSpanAttributes,
  addSpanEvent,
  createSpan,
  currentTraceId,
  extract,
  inject,
  logFields,
  recordException,
  startSpan,
  withSpan,
  type AttributeInput,
  type SpanExtras,
} from "./helpers/spans.js";
export { coerce } from "./helpers/attributes.js";
