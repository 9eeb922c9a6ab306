// Bundled into the workflows' sandbox: spans for a workflow and for each activity it schedules.

// First: it gives the sandbox the clock that the packages of OpenTelemetry look for when loaded.
import {
  OpenTelemetryInboundInterceptor,
  OpenTelemetryInternalsInterceptor,
  OpenTelemetryOutboundInterceptor,
} from '@temporalio/interceptors-opentelemetry-v2/lib/workflow';

import { propagation } from '@opentelemetry/api';
import {
  CompositePropagator,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
} from '@opentelemetry/core';
import type { WorkflowInterceptors } from '@temporalio/workflow';

const propagator = new CompositePropagator({
  propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()],
});

export function interceptors(): WorkflowInterceptors {
  const interceptors = {
    inbound: [new OpenTelemetryInboundInterceptor()],
    outbound: [new OpenTelemetryOutboundInterceptor()],
    internals: [new OpenTelemetryInternalsInterceptor()],
  };
  // The interceptors set a propagator that loses the baggage; no variable reaches the sandbox.
  propagation.disable();
  propagation.setGlobalPropagator(propagator);
  return interceptors;
}
