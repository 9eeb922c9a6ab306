// Bundled into the workflows' sandbox: which headers a workflow reads, and writes for its activities.
//
// Temporal's interceptors know W3C alone there, and lose the baggage. No variable reaches the sandbox,
// so this knows every format OTEL_PROPAGATORS may name for the services on both sides. The headers
// stay inside Temporal.

// First: it gives the sandbox the clock that the packages of OpenTelemetry look for when loaded.
import "@temporalio/interceptors-opentelemetry-v2/lib/workflow";

import { propagation } from "@opentelemetry/api";
import {
  CompositePropagator,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
} from "@opentelemetry/core";
import { AWSXRayPropagator } from "@opentelemetry/propagator-aws-xray";
import { B3Propagator } from "@opentelemetry/propagator-b3";
import type { WorkflowInterceptors } from "@temporalio/workflow";

const propagator = new CompositePropagator({
  propagators: [
    new W3CTraceContextPropagator(),
    new W3CBaggagePropagator(),
    new B3Propagator(),
    new AWSXRayPropagator(),
  ],
});

/** Called for each workflow; the other interceptors make the spans. */
export function interceptors(): WorkflowInterceptors {
  propagation.disable();
  propagation.setGlobalPropagator(propagator);
  return {};
}
