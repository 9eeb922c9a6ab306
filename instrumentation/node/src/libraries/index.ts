/**
 * The libraries in use, instrumented: what is installed beside the application and not disabled.
 *
 * HTTP servers, Express and Fastify have lean instrumentations of our own; the others are the
 * official packages. Each is loaded only where its library is there.
 */
import type { TracerProvider } from "@opentelemetry/api";
import type { Instrumentation } from "@opentelemetry/instrumentation";

import {
  LIBRARIES,
  LOG_LIBRARIES,
  MESSAGING,
  official,
  OPTIONAL,
  type Loaded,
} from "./catalogue.js";
import { instrumentedBy, isInstalled, requireFromApplication } from "./installed.js";
import { messageOf } from "../log.js";
import { consumerTracerProvider } from "../messaging.js";
import type { TracingOptions } from "../options.js";
import type { Settings } from "../settings/index.js";

/** What was done about one library. */
export interface AppliedLibrary {
  readonly name: string;
  readonly state: "instrumented" | "not installed" | "disabled" | "given" | "failed";
  readonly detail?: string;
}

/** Everything that was instrumented, and what undoes it. */
export interface AppliedLibraries {
  readonly libraries: readonly AppliedLibrary[];
  readonly undo: () => void;
}

/** The names that can be enabled and disabled. */
export function libraryNames(): string[] {
  return [...Object.keys(LIBRARIES), ...OPTIONAL];
}

/** Whether all is installed that it takes to instrument the library of this name. */
export function canBeInstrumented(name: string): boolean {
  const library = LIBRARIES[name];
  if (library === undefined)
    return isInstalled(instrumentedBy(name)) && isInstalled(official(name));
  return library.packages.length === 0 || library.packages.some(isInstalled);
}

/** What is asked for by a name that nothing has. */
export function unknownLibraries(settings: Settings, { instrument }: TracingOptions): string[] {
  const asked = Array.isArray(instrument)
    ? (instrument as string[])
    : settings.enabledInstrumentations;
  const known = libraryNames();
  return asked.filter((name) => !known.includes(name));
}

/** Instruments what the options and settings ask for. Never throws: a failure is an entry. */
export function instrumentLibraries(
  settings: Settings,
  options: TracingOptions,
  provider: TracerProvider,
): AppliedLibraries {
  const applied = new Applied(provider, settings);
  const given: Instrumentation[] = (options.instrumentations ?? []).flatMap((each) =>
    Array.isArray(each) ? (each as Instrumentation[]) : [each as Instrumentation],
  );
  given.forEach((each) => applied.register(each));
  const givenNames = new Set(given.map(({ instrumentationName }) => instrumentationName));
  const isWanted = wanted(settings, options);
  const libraries = Object.entries(LIBRARIES).map(([name, library]): AppliedLibrary => {
    if (library.replacedBy.some((other) => givenNames.has(other))) return { name, state: "given" };
    if (!isWanted(name)) return { name, state: "disabled" };
    if (!canBeInstrumented(name)) return { name, state: "not installed" };
    return applied.load(name, () => library.load(settings, provider));
  });
  for (const name of OPTIONAL) {
    const by = official(name);
    if (givenNames.has(by) || !isWanted(name) || !canBeInstrumented(name)) continue;
    libraries.push(applied.load(name, () => firstInstrumentation(requireFromApplication(by))));
  }
  return { libraries, undo: () => applied.undo() };
}

/** What was registered and patched, so that it can be undone. */
class Applied {
  private readonly undoing: (() => void)[] = [];

  constructor(
    private readonly provider: TracerProvider,
    private readonly settings: Settings,
  ) {}

  register(instrumentation: Instrumentation): void {
    const isMessaging = MESSAGING.includes(instrumentation.instrumentationName);
    const { messagingConsumers } = this.settings;
    instrumentation.setTracerProvider(
      isMessaging ? consumerTracerProvider(this.provider, messagingConsumers) : this.provider,
    );
    instrumentation.enable();
    this.undoing.push(() => instrumentation.disable());
  }

  load(name: string, load: () => Loaded): AppliedLibrary {
    try {
      const loaded = load();
      if (typeof loaded === "function") this.undoing.push(loaded);
      else this.register(loaded);
      return { name, state: "instrumented" };
    } catch (error) {
      return { name, state: "failed", detail: messageOf(error).split("\n")[0]! };
    }
  }

  undo(): void {
    for (const each of this.undoing.splice(0).reverse()) each();
  }
}

function wanted(settings: Settings, options: TracingOptions): (name: string) => boolean {
  const { instrument = "auto" } = options;
  const enabled = instrument === "auto" ? settings.enabledInstrumentations : instrument || [];
  const isNone = instrument === false || settings.disabledInstrumentations.includes("all");
  return (name) => {
    // One name covers both halves of HTTP.
    const names = name === "http-client" ? [name, "http"] : [name];
    const isEnabled =
      (instrument === "auto" && enabled.length === 0) ||
      names.some((each) => enabled.includes(each));
    const isDisabled = names.some((each) => settings.disabledInstrumentations.includes(each));
    return (
      !isNone &&
      isEnabled &&
      !isDisabled &&
      (settings.logCorrelation || !LOG_LIBRARIES.includes(name))
    );
  };
}

/** The one class a package of an instrumentation exports. */
function firstInstrumentation(exported: Record<string, unknown>): Instrumentation {
  const found = Object.entries(exported).find(
    ([name, value]) => name.endsWith("Instrumentation") && typeof value === "function",
  );
  if (found === undefined) throw new Error("exports no instrumentation");
  return new (found[1] as new () => Instrumentation)();
}
