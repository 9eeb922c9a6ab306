/** Ctrl+K: goes to any page, service or trace by typing. */

import { useMemo, useState } from "react";
import { useApi } from "@/api/client";
import { Combobox } from "@/parts/Combobox";
import { Dialog } from "@/parts/Dialog";
import { readTraceId } from "@/url/traceId";
import { linkTo, useUrl, type Changes } from "@/url/location";
import { PAGES } from "./pages";

const FILES = "Open trace files";

interface PaletteProps {
  /** What its links carry on to pages about a stretch of time. */
  readonly range: Changes;
  onClose(): void;
  onFiles(): void;
}

export function Palette({ range, onClose, onFiles }: PaletteProps) {
  const [text, setText] = useState("");
  const { go } = useUrl();
  const services = useApi("/services", {});
  const targets = useMemo(() => {
    const known = new Map<string, string>();
    for (const page of PAGES) {
      known.set(page.title, linkTo(page.path, page.hasRange ? range : {}));
    }
    known.set(FILES, "");
    for (const service of services.data ?? []) {
      known.set(`${service}: traces`, linkTo("/search", { service, ...range }));
      known.set(`${service}: rate, errors, durations`, linkTo("/services", { service, ...range }));
      known.set(`${service}: who calls it`, linkTo("/dependencies", { service, ...range }));
    }
    return known;
  }, [services.data, range]);
  const traceId = readTraceId(text);
  const words = text.toLowerCase().split(/\s+/);
  const suggestions = [
    ...(traceId ? [{ value: `Trace ${traceId}` }] : []),
    ...[...targets.keys()]
      .filter((target) => words.every((word) => target.toLowerCase().includes(word)))
      .slice(0, 12)
      .map((value) => ({ value })),
  ];
  return (
    <Dialog title="Go to" onClose={onClose}>
      <Combobox
        inline
        label="Page, service or trace id"
        value={text}
        suggestions={suggestions}
        onInput={setText}
        onPick={(picked) => {
          // Enter without a choice takes what is on top.
          const chosen = traceId || targets.has(picked) ? picked : suggestions[0]?.value;
          const target = traceId ? linkTo(`/trace/${traceId}`) : targets.get(chosen ?? "");
          if (chosen === FILES) onFiles();
          else if (target) {
            onClose();
            go(target);
          }
        }}
      />
    </Dialog>
  );
}
