/** What a user chose and finds again: kept in the browser, the same for all pages. */

import { create } from "zustand";
import { persist } from "zustand/middleware";
import type { Zone } from "@/model/time";
import { embed } from "@/url/embed";

export type Theme = "system" | "light" | "dark";

interface Settings {
  theme: Theme;
  zone: Zone;
  /** Whether single letters are shortcuts (WCAG 2.1.4 wants them switchable). */
  letterShortcuts: boolean;
  /** Texts of the searches run last, the newest first. */
  recentSearches: readonly string[];
  setTheme(theme: Theme): void;
  setZone(zone: Zone): void;
  setLetterShortcuts(on: boolean): void;
  addRecentSearch(search: string): void;
  clearRecentSearches(): void;
}

const MAX_RECENT = 12;

export const useSettings = create<Settings>()(
  persist(
    (set) => ({
      theme: "system",
      zone: "local",
      letterShortcuts: true,
      recentSearches: [],
      setTheme: (theme) => set({ theme }),
      setZone: (zone) => set({ zone }),
      setLetterShortcuts: (letterShortcuts) => set({ letterShortcuts }),
      addRecentSearch: (search) =>
        set(({ recentSearches }) => ({
          recentSearches: [search, ...recentSearches.filter((one) => one !== search)].slice(
            0,
            MAX_RECENT,
          ),
        })),
      clearRecentSearches: () => set({ recentSearches: [] }),
    }),
    { name: "ananta-settings" },
  ),
);

/** Keeps `<html data-theme>` what the settings, the link and the system say. */
export function followTheme(): void {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const chosen = embed.theme ?? useSettings.getState().theme;
    const theme = chosen === "system" ? (dark.matches ? "dark" : "light") : chosen;
    document.documentElement.dataset["theme"] = theme;
  };
  dark.addEventListener("change", apply);
  useSettings.subscribe(apply);
  apply();
}
