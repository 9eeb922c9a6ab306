/**
 * Consumers of messages: spans that continue the producer's trace, or start their own with a link.
 *
 * SQS, Kafka, RabbitMQ: each official instrumentation has a way of its own, and few can be told
 * otherwise. So their tracers, and that of the helpers, pass through here: a span of kind CONSUMER
 * is started with the parent and links that were asked for. Every other span is left alone.
 */
import {
  context,
  SpanKind,
  trace,
  type Context,
  type Span,
  type SpanOptions,
  type Tracer,
  type TracerProvider,
} from "@opentelemetry/api";

/** What the producer of a message is to the span of its consumer. */
export type ConsumerRelation = "parent" | "link";

type Start = [options: SpanOptions, parent: Context];
const RELATE: Readonly<Record<ConsumerRelation, (...start: Start) => Start>> = {
  parent: withParent,
  link: withLink,
};

/** The producer as parent where it was a link; several producers cannot be, and stay links. */
function withParent(options: SpanOptions, parent: Context): Start {
  const { links = [] } = options;
  const producers = links.filter((link) => link.context.isRemote === true);
  const [producer] = producers;
  if (producer === undefined || producers.length > 1) return [options, parent];
  const others = links.filter((link) => link !== producer);
  return [{ ...options, links: others }, trace.setSpanContext(parent, producer.context)];
}

/** The producer as link where it was the parent; the rest of the context, baggage, stays. */
function withLink(options: SpanOptions, parent: Context): Start {
  const producer = trace.getSpanContext(parent);
  if (producer?.isRemote !== true) return [options, parent];
  const links = [...(options.links ?? []), { context: producer }];
  return [{ ...options, links, root: true }, parent];
}

/** A tracer whose consumer spans stand to their producer as asked for. */
export function consumerTracer(tracer: Tracer, relation: ConsumerRelation): Tracer {
  const relate = RELATE[relation];
  const startSpan: Tracer["startSpan"] = (name, options = {}, parent = context.active()) =>
    options.kind === SpanKind.CONSUMER
      ? tracer.startSpan(name, ...relate(options, parent))
      : tracer.startSpan(name, options, parent);
  return {
    startSpan,
    // Declared with three signatures, of which the function is always last.
    startActiveSpan: <Body extends (span: Span) => unknown>(name: string, ...rest: unknown[]) => {
      const body = rest.pop() as Body;
      const [options, parent = context.active()] = rest as [SpanOptions?, Context?];
      const span = startSpan(name, options, parent);
      return context.with(trace.setSpan(parent, span), () => body(span)) as ReturnType<Body>;
    },
  };
}

/** Gives instrumentations tracers whose consumer spans are as asked for. */
export function consumerTracerProvider(
  provider: TracerProvider,
  relation: ConsumerRelation,
): TracerProvider {
  return { getTracer: (...scope) => consumerTracer(provider.getTracer(...scope), relation) };
}
