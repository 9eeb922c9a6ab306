/**
 * Jaeger's parameters for pages shown within other pages. They are read once, when the application
 * is opened, and every link within it carries them on.
 */

const NAMES = [
  "uiEmbed",
  "uiTheme",
  "uiSearchHideGraph",
  "uiTimelineCollapseTitle",
  "uiTimelineHideMinimap",
  "uiTimelineHideSummary",
] as const;

export interface Embed {
  /** Whether the page is part of another: without our navigation. */
  readonly embedded: boolean;
  readonly theme: "light" | "dark" | null;
  readonly hideGraph: boolean;
  readonly collapseTitle: boolean;
  readonly hideMinimap: boolean;
  readonly hideSummary: boolean;
  /** The parameters themselves, for links. */
  readonly params: readonly (readonly [name: string, value: string])[];
}

export function readEmbed(search: string): Embed {
  const params = new URLSearchParams(search);
  const embedded = params.get("uiEmbed") === "v0";
  const theme = params.get("uiTheme");
  const on = (name: string) => embedded && params.get(name) === "1";
  return {
    embedded,
    theme: theme === "light" || theme === "dark" ? theme : null,
    hideGraph: on("uiSearchHideGraph"),
    collapseTitle: on("uiTimelineCollapseTitle"),
    hideMinimap: on("uiTimelineHideMinimap"),
    hideSummary: on("uiTimelineHideSummary"),
    params: NAMES.flatMap((name) => {
      const value = params.get(name);
      return value === null ? [] : [[name, value] as const];
    }),
  };
}

export const embed: Embed = readEmbed(typeof location === "undefined" ? "" : location.search);
