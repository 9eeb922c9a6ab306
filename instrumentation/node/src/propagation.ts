/** The propagators the settings name, as one. */
import type { TextMapPropagator } from "@opentelemetry/api";
import {
  CompositePropagator,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
} from "@opentelemetry/core";

import { messageOf } from "./log.js";
import type { Settings } from "./settings/index.js";

/** Loaded when asked for: most services need none of these. */
const FACTORIES: Readonly<Record<string, () => TextMapPropagator>> = {
  tracecontext: () => new W3CTraceContextPropagator(),
  baggage: () => new W3CBaggagePropagator(),
  b3: () => {
    const { B3Propagator, B3InjectEncoding } =
      require("@opentelemetry/propagator-b3") as typeof import("@opentelemetry/propagator-b3");
    return new B3Propagator({ injectEncoding: B3InjectEncoding.SINGLE_HEADER });
  },
  b3multi: () => {
    const { B3Propagator, B3InjectEncoding } =
      require("@opentelemetry/propagator-b3") as typeof import("@opentelemetry/propagator-b3");
    return new B3Propagator({ injectEncoding: B3InjectEncoding.MULTI_HEADER });
  },
  jaeger: () => {
    const { JaegerPropagator } =
      require("@opentelemetry/propagator-jaeger") as typeof import("@opentelemetry/propagator-jaeger");
    return new JaegerPropagator();
  },
  xray: () => {
    const { AWSXRayPropagator } =
      require("@opentelemetry/propagator-aws-xray") as typeof import("@opentelemetry/propagator-aws-xray");
    return new AWSXRayPropagator();
  },
};

/** What `OTEL_PROPAGATORS` may name, `none` apart. */
export const PROPAGATORS: readonly string[] = Object.keys(FACTORIES);

/** The propagator of the settings. One that cannot be loaded is reported and left out. */
export function createPropagator(
  settings: Settings,
  report: (problem: string) => void,
): TextMapPropagator {
  const propagators = settings.propagators.flatMap((name) => {
    try {
      return [FACTORIES[name]!()];
    } catch (error) {
      const reason = messageOf(error).split("\n")[0]!;
      report(`OTEL_PROPAGATORS: ${name} cannot be loaded and is left out (${reason})`);
      return [];
    }
  });
  return new CompositePropagator({ propagators });
}
