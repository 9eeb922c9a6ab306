/**
 * Reading settings from options and environment variables, each value with its origin.
 *
 * Nothing here throws to its caller: a value that cannot be used becomes a problem, one line that
 * says where it was found, what is wrong, what is used instead and what to write.
 */

/** Thrown by a parser; its message is the advice. */
export class UnusableValue extends Error {}

export type Environment = Readonly<Record<string, string | undefined>>;
export type Parse<Value> = (origin: string, text: string) => Value;

const TRUE = new Set(["true", "1", "yes", "on"]);
const FALSE = new Set(["false", "0", "no", "off"]);
const MILLIS_PER_UNIT: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };
const DURATION = /^(\d+(?:\.\d+)?)\s*(ms|s|m)?$/i;
const SHORTEST_TIMEOUT_MILLIS = 100;

/** Looks a setting up in the option, then in its variables, then in the preset and the default. */
export class Reader {
  /** Setting to where its value came from. */
  readonly origins: Record<string, string> = {};
  /** What was wrong with values, one line each. */
  readonly problems: string[] = [];
  private preset: Readonly<Record<string, unknown>> = {};
  private presetName = "";

  constructor(
    private readonly options: Readonly<Record<string, unknown>>,
    private readonly environment: Environment,
  ) {}

  /** Takes what is neither an option nor a variable from these values. */
  usePreset(name: string, preset: Readonly<Record<string, unknown>>): void {
    this.presetName = name;
    this.preset = preset;
  }

  option(name: string): unknown {
    return this.options[name];
  }

  /** A variable exactly as it stands in the environment. */
  raw(variable: string): string {
    return this.environment[variable] ?? "";
  }

  /** The first of these variables that is set and not empty: [name, value without blanks]. */
  variable(...names: string[]): [name: string, text: string] {
    for (const name of names) {
      const text = this.raw(name).trim();
      if (text !== "") return [name, text];
    }
    return ["", ""];
  }

  /**
   * The value of a setting, its origin noted.
   *
   * @param setting the name under which the origin is kept
   * @param variables the environment variables, the one that wins first
   * @param parse turns (origin, text) into the value; throws {@link UnusableValue}
   * @param option the name of the option, where the setting has one
   */
  read<Value>(
    setting: string,
    variables: string[],
    parse: Parse<Value>,
    fallback: Value,
    option?: string,
  ): Value {
    const [name, text] = this.variable(...variables);
    const given = option === undefined ? undefined : this.options[option];
    const isGiven = given !== undefined && given !== null && given !== "";
    if (!isGiven && name === "") return this.fallback(setting, fallback);
    const origin = isGiven ? `option ${option ?? ""}` : name;
    this.origins[setting] = isGiven && name !== "" ? `${origin} (over ${name})` : origin;
    try {
      if (!isGiven) return parse(origin, text);
      return typeof given === "string" ? parse(origin, given.trim()) : (given as Value);
    } catch (error) {
      if (!(error instanceof UnusableValue)) throw error;
      const value = this.fallback(setting, fallback);
      this.origins[setting] += ` (${origin} cannot be used)`;
      const shown = value instanceof Array ? value.join(", ") : String(value ?? "none");
      this.problem(origin, `${error.message}; ${shown || "none"} is used`);
      return value;
    }
  }

  /** The value of the preset, or else the default. */
  fallback<Value>(setting: string, fallback: Value): Value {
    if (setting in this.preset) {
      this.origins[setting] = `preset ${this.presetName}`;
      return this.preset[setting] as Value;
    }
    this.origins[setting] = "default";
    return fallback;
  }

  /** Notes what is wrong with the value found at this origin. */
  problem(origin: string, message: string): void {
    this.problems.push(`${origin}: ${message}`);
  }

  text = (_origin: string, text: string): string => text;

  flag = (_origin: string, text: string): boolean => {
    const folded = text.toLowerCase();
    if (TRUE.has(folded)) return true;
    if (FALSE.has(folded)) return false;
    throw new UnusableValue(`'${text}' is neither true nor false; write true or false`);
  };

  /** A whole number, zero or more. */
  count = (_origin: string, text: string): number => {
    if (!/^\d{1,15}$/.test(text)) {
      throw new UnusableValue(`'${text}' is not a whole number of zero or more`);
    }
    return Number(text);
  };

  /** A whole number, one or more. */
  positiveCount = (origin: string, text: string): number => {
    const number = this.count(origin, text);
    if (number === 0) throw new UnusableValue(`'${text}' must be at least 1`);
    return number;
  };

  /** Milliseconds; a unit (`10s`) is understood and pointed out. */
  milliseconds = (origin: string, text: string): number => {
    const match = DURATION.exec(text);
    if (match === null) throw new UnusableValue(`'${text}' is not a number of milliseconds`);
    const unit = match[2]?.toLowerCase();
    const millis = Number(match[1]) * (unit === undefined ? 1 : (MILLIS_PER_UNIT[unit] ?? 1));
    if (unit !== undefined)
      this.problem(origin, `'${text}' is read as ${millis} ms; write ${millis}`);
    return millis;
  };

  /** A timeout in milliseconds; a number too small for one is seconds by the habit of Python. */
  timeout = (origin: string, text: string): number => {
    const millis = this.milliseconds(origin, text);
    if (millis <= 0) throw new UnusableValue(`'${text}' leaves no time to export`);
    if (!/^[\d.]+$/.test(text) || millis >= SHORTEST_TIMEOUT_MILLIS) return millis;
    this.problem(
      origin,
      `${text} is milliseconds by the specification, too short for an export, so it is read as ` +
        `${millis} s; write ${millis * 1000}`,
    );
    return millis * 1000;
  };

  /** A comma-separated list; empty items are left out. */
  names = (_origin: string, text: string): string[] =>
    text
      .split(",")
      .map((item) => item.trim())
      .filter((item) => item !== "");

  /** `key=value,key=value` with percent escapes; a malformed pair is left out alone. */
  pairs = (origin: string, text: string): Record<string, string> => {
    const found: Record<string, string> = {};
    this.names(origin, text).forEach((item, index) => {
      const separator = item.indexOf("=");
      const key = separator < 0 ? "" : item.slice(0, separator).trim();
      if (key === "") {
        // The item may be part of a secret: its place in the list says enough.
        this.problem(
          origin,
          `item ${index + 1} is not of the form key=value and is left out; ` +
            "write a comma inside a value as %2C",
        );
        return;
      }
      found[unescapePercent(key)] = unescapePercent(item.slice(separator + 1).trim());
    });
    return found;
  };
}

function unescapePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
