/** A tracer provider that was put together elsewhere: found, joined, flushed and ended. */
import { trace, type TracerProvider } from "@opentelemetry/api";
import type { SpanProcessor } from "@opentelemetry/sdk-trace";

/** The provider somebody registered; undefined where there is none. */
export function registeredProvider(): TracerProvider | undefined {
  const provider = trace.getTracerProvider();
  const { getDelegate } = provider as { getDelegate?: () => TracerProvider };
  const actual = getDelegate?.call(provider) ?? provider;
  return actual.constructor.name === "NoopTracerProvider" ? undefined : actual;
}

/** False where the provider takes none. */
export function addProcessors(provider: TracerProvider, processors: SpanProcessor[]): boolean {
  const { addSpanProcessor, _activeSpanProcessor: active } = provider as {
    addSpanProcessor?: (processor: SpanProcessor) => void;
    _activeSpanProcessor?: { _spanProcessors?: SpanProcessor[] };
  };
  if (typeof addSpanProcessor === "function")
    processors.forEach((each) => addSpanProcessor.call(provider, each));
  else if (active?._spanProcessors instanceof Array) active._spanProcessors.push(...processors);
  else return false;
  return true;
}

/** Flushed and ended as one processor is. */
export class WholeProvider implements SpanProcessor {
  private readonly provider: Partial<Pick<SpanProcessor, "forceFlush" | "shutdown">>;

  constructor(provider: TracerProvider) {
    this.provider = provider as object;
  }

  onStart(): void {}
  onEnd(): void {}

  async forceFlush(): Promise<void> {
    await this.provider.forceFlush?.();
  }

  async shutdown(): Promise<void> {
    await this.provider.shutdown?.();
  }
}
