// Bundled into the workflows' sandbox: spans for a workflow and for each activity it schedules.

// First: it gives the sandbox the clock that the packages of OpenTelemetry look for when loaded.
import {
  OpenTelemetryInboundInterceptor,
  OpenTelemetryInternalsInterceptor,
  OpenTelemetryOutboundInterceptor,
} from "@temporalio/interceptors-opentelemetry-v2/lib/workflow";

import { propagation } from "@opentelemetry/api";
import {
  CompositePropagator,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
} from "@opentelemetry/core";
import { AWSXRayPropagator } from "@opentelemetry/propagator-aws-xray";
import { B3Propagator } from "@opentelemetry/propagator-b3";
import type { WorkflowInterceptors } from "@temporalio/workflow";

// No variable reaches the sandbox, so it reads and writes every format OTEL_PROPAGATORS may name for
// the services on both sides. The headers stay inside Temporal.
const propagator = new CompositePropagator({
  propagators: [
    new W3CTraceContextPropagator(),
    new W3CBaggagePropagator(),
    new B3Propagator(),
    new AWSXRayPropagator(),
  ],
});

export function interceptors(): WorkflowInterceptors {
  const interceptors = {
    inbound: [new OpenTelemetryInboundInterceptor()],
    outbound: [new OpenTelemetryOutboundInterceptor()],
    internals: [new OpenTelemetryInternalsInterceptor()],
  };
  // In place of the propagator they set, which knows W3C alone and loses the baggage.
  propagation.disable();
  propagation.setGlobalPropagator(propagator);
  return interceptors;
}
