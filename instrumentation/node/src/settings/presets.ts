/** What the guide asks for in each environment. */
import { SamplerChoice } from "./sampler-name.js";

const PRESETS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  development: {
    sampler: new SamplerChoice("parentbased_always_on"),
    scheduleDelayMillis: 1000,
  },
  staging: { sampler: new SamplerChoice("parentbased_traceidratio", "0.5") },
  production: { sampler: new SamplerChoice("parentbased_traceidratio", "0.1") },
};

const ALIASES: Readonly<Record<string, string>> = {
  dev: "development",
  local: "development",
  test: "development",
  stage: "staging",
  prod: "production",
  live: "production",
};

/**
 * The preset of an environment; empty for a name that is none of the three.
 *
 * @param daemon address of the X-Ray daemon, where there is one: production then follows the
 *   sampling rules of X-Ray, and its header is understood.
 */
export function presetOf(environment: string, daemon: string): [string, Record<string, unknown>] {
  const folded = environment.trim().toLowerCase();
  const name = ALIASES[folded] ?? folded;
  const preset: Record<string, unknown> = { ...PRESETS[name] };
  if (daemon !== "") {
    preset["propagators"] = ["tracecontext", "baggage", "xray"];
    if (name === "production") preset["sampler"] = new SamplerChoice("xray", `endpoint=${daemon}`);
  }
  return [name, preset];
}
