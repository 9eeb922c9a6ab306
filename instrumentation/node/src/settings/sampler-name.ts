/** The names of samplers and the numbers of ratios, as people write them. */
import { nearest } from "./nearest.js";
import { UnusableValue, type Reader } from "./reader.js";

const RATIO_SAMPLERS = ["traceidratio", "parentbased_traceidratio"];
const PLAIN_SAMPLERS = [
  "always_on",
  "always_off",
  "parentbased_always_on",
  "parentbased_always_off",
];
const XRAY_SAMPLERS = ["xray", "parentbased_xray"];
const SAMPLERS = [...PLAIN_SAMPLERS, ...RATIO_SAMPLERS, ...XRAY_SAMPLERS];
const VARIABLE = "OTEL_TRACES_SAMPLER";
const ARGUMENT_VARIABLE = "OTEL_TRACES_SAMPLER_ARG";
const RATIO = /^(\d+(?:\.\d*)?|\.\d+)(?:e-?\d+)?\s*(%?)$/i;

/** A sampler by name, with its argument in the form the specification gives it. */
export class SamplerChoice {
  constructor(
    readonly name: string,
    readonly argument = "",
  ) {}

  /** The share of traces a ratio sampler keeps. */
  get ratio(): number {
    return Number(this.argument);
  }

  /** As it is shown: `parentbased_traceidratio 0.1`. */
  toString(): string {
    return `${this.name} ${this.argument}`.trim();
  }
}

/** The sampler of the options `samplingRatio` or `sampler`, the variables, the preset or default. */
export function readSampler(reader: Reader): SamplerChoice {
  const ratio = reader.option("samplingRatio");
  if (ratio !== undefined && ratio !== null) {
    const choice = ratioOption(reader, ratio);
    if (choice !== undefined) return choice;
  }
  noteFolding(reader);
  const named = typeof reader.option("sampler") === "string" ? "sampler" : undefined;
  return reader.read(
    "sampler",
    [VARIABLE],
    (origin, text) => byName(reader, origin, text),
    new SamplerChoice("parentbased_always_on"),
    named,
  );
}

function ratioOption(reader: Reader, ratio: unknown): SamplerChoice | undefined {
  const origin = "option samplingRatio";
  try {
    const choice = new SamplerChoice("parentbased_traceidratio", parseRatio(reader, origin, ratio));
    const [over] = reader.variable(VARIABLE);
    reader.origins["sampler"] = over === "" ? origin : `${origin} (over ${over})`;
    return choice;
  } catch (error) {
    if (!(error instanceof UnusableValue)) throw error;
    reader.problem(origin, `${error.message}; it is as if it were not given`);
    return undefined;
  }
}

function noteFolding(reader: Reader): void {
  const raw = reader.raw(VARIABLE);
  const folded = raw.trim().toLowerCase();
  if (raw !== folded && SAMPLERS.includes(folded)) {
    reader.problem(VARIABLE, `'${raw}' is read as ${folded}; write ${folded}`);
  }
}

function byName(reader: Reader, origin: string, text: string): SamplerChoice {
  const name = text.toLowerCase();
  if (!SAMPLERS.includes(name)) {
    const close = nearest(name, SAMPLERS);
    const advice =
      close === undefined ? `known are ${SAMPLERS.join(", ")}` : `did you mean ${close}?`;
    throw new UnusableValue(`unknown sampler '${text}'; ${advice}`);
  }
  const [variable, argument] = reader.variable(ARGUMENT_VARIABLE);
  if (XRAY_SAMPLERS.includes(name)) {
    const [, daemon] = reader.variable("AWS_XRAY_DAEMON_ADDRESS");
    return new SamplerChoice(name, argument || (daemon && `endpoint=${daemon}`));
  }
  if (!RATIO_SAMPLERS.includes(name)) return new SamplerChoice(name);
  if (variable === "") {
    reader.problem(ARGUMENT_VARIABLE, `${name} has no ratio, so 1 is used; write one from 0 to 1`);
    return new SamplerChoice(name, "1");
  }
  try {
    return new SamplerChoice(name, parseRatio(reader, variable, argument));
  } catch (error) {
    if (!(error instanceof UnusableValue)) throw error;
    const preset = reader.fallback("sampler", new SamplerChoice("", "1"));
    const ratio = RATIO_SAMPLERS.includes(preset.name) ? preset.argument : "1";
    reader.problem(variable, `${error.message}; ${ratio} is used`);
    reader.origins["sampler"] = origin;
    return new SamplerChoice(name, ratio);
  }
}

/** A ratio from 0 to 1 out of a number, or of a text that may be a percentage. */
function parseRatio(reader: Reader, origin: string, value: unknown): string {
  const text = String(value).trim();
  const match = RATIO.exec(text);
  let number = match === null ? -1 : Number(text.replace(/[%\s]+$/, ""));
  if (match?.[2] === "%") {
    number /= 100;
    if (number <= 1) reader.problem(origin, `'${text}' is read as ${number}; write ${number}`);
  }
  if (typeof value === "boolean" || !(number >= 0 && number <= 1)) {
    const hint = number > 1 && number <= 100 ? ` (write ${number / 100} for ${number} %)` : "";
    throw new UnusableValue(`'${text}' is not a ratio from 0 to 1${hint}`);
  }
  return String(number);
}
