/**
 * Keyboard shortcuts: pages say which keys do what while they are shown, and the help sheet lists
 * them. Keys typed into inputs are left to these.
 */

import { useEffect, useRef } from "react";
import { create } from "zustand";
import { useSettings } from "./settings";

export interface Shortcut {
  /** As in `KeyboardEvent.key`, modifiers before it: `/`, `e`, `E`, `Ctrl+b`, `ArrowLeft`. */
  readonly keys: readonly string[];
  readonly description: string;
  /** The heading it stands under in the help sheet. */
  readonly group: string;
  run(event: KeyboardEvent): void;
}

interface Registry {
  readonly sets: readonly (readonly Shortcut[])[];
}

export const useShortcutRegistry = create<Registry>()(() => ({ sets: [] }));

/** Offers shortcuts while the calling component is shown; the latest closures are run. */
export function useShortcuts(shortcuts: readonly Shortcut[]): void {
  const latest = useRef(shortcuts);
  useEffect(() => {
    latest.current = shortcuts;
  });
  const described = shortcuts
    .map(({ keys, description }) => `${keys.join()} ${description}`)
    .join("\n");
  useEffect(() => {
    const set = latest.current.map((shortcut, index) => ({
      ...shortcut,
      run: (event: KeyboardEvent) => latest.current[index]?.run(event),
    }));
    useShortcutRegistry.setState(({ sets }) => ({ sets: [...sets, set] }));
    return () =>
      useShortcutRegistry.setState(({ sets }) => ({ sets: sets.filter((one) => one !== set) }));
  }, [described]);
}

/** Listens for the whole document; called once. */
export function listenForShortcuts(): void {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const key = nameOf(event);
    const isLetter = key.length === 1;
    const typing = isTextInput(event.target);
    if (typing && isLetter) return;
    if (isLetter && !useSettings.getState().letterShortcuts) return;
    // A dialog has the keyboard for itself; the browser closes it on Escape.
    if (document.querySelector("dialog:modal")) return;
    // What was offered last, by the innermost part, comes first.
    for (const set of useShortcutRegistry.getState().sets.toReversed()) {
      const found = set.find((shortcut) => shortcut.keys.includes(key));
      if (!found || (typing && !key.includes("+") && key !== "Escape")) continue;
      event.preventDefault();
      found.run(event);
      return;
    }
  });
}

function nameOf(event: KeyboardEvent): string {
  const modifiers = (event.ctrlKey || event.metaKey ? "Ctrl+" : "") + (event.altKey ? "Alt+" : "");
  const shifted = event.shiftKey && event.key.length > 1 ? "Shift+" : "";
  return modifiers + shifted + event.key;
}

function isTextInput(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement) return true;
  if (target instanceof HTMLSelectElement) return true;
  return (
    target instanceof HTMLInputElement &&
    !["checkbox", "radio", "button", "range"].includes(target.type)
  );
}
