/** The sampler a name stands for. */
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  type Sampler,
} from "@opentelemetry/sdk-trace";

import type { Settings } from "../settings/index.js";

/** The sampler of the settings; of the service's own where it needs to know who it samples for. */
export function createSampler(settings: Settings, report: (problem: string) => void): Sampler {
  const { name } = settings.sampler;
  const bare = name.replace(/^parentbased_/, "");
  const root = createRoot(bare, settings, report);
  // Sampling rules are for new traces: X-Ray's own sampler follows the parent as well.
  return bare === name && bare !== "xray" ? root : new ParentBasedSampler({ root });
}

function createRoot(name: string, settings: Settings, report: (problem: string) => void): Sampler {
  switch (name) {
    case "always_off":
      return new AlwaysOffSampler();
    case "traceidratio":
      return new TraceIdRatioBasedSampler(settings.sampler.ratio);
    case "xray": {
      const { createXRaySampler } = require("./xray.js") as typeof import("./xray.js");
      return createXRaySampler(settings, report);
    }
    default:
      return new AlwaysOnSampler();
  }
}
