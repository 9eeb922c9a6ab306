/**
 * Bundled into the sandbox of Temporal's workflows: which headers a workflow reads, and writes for
 * its activities.
 *
 * The interceptors know W3C alone there and lose the baggage. No variable reaches the sandbox, so
 * this knows every format `OTEL_PROPAGATORS` may name. The headers stay inside Temporal. It must come
 * after the modules of the interceptors: they give the sandbox the clock OpenTelemetry looks for.
 */

import { propagation } from "@opentelemetry/api";
import {
  CompositePropagator,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
} from "@opentelemetry/core";
import { AWSXRayPropagator } from "@opentelemetry/propagator-aws-xray";
import { B3Propagator } from "@opentelemetry/propagator-b3";
import { JaegerPropagator } from "@opentelemetry/propagator-jaeger";

const propagator = new CompositePropagator({
  propagators: [
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- a name OTEL_PROPAGATORS may have
    new JaegerPropagator(),
    new AWSXRayPropagator(),
    new B3Propagator(),
    new W3CTraceContextPropagator(),
    new W3CBaggagePropagator(),
  ],
});

/** Called for each workflow; the other interceptors make the spans. */
export function interceptors(): object {
  propagation.disable();
  propagation.setGlobalPropagator(propagator);
  return {};
}
