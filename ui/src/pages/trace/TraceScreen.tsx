/** A trace that was read: header, tools, the chosen view, and the span that is shown in detail. */

import { Suspense, useMemo, useRef, type RefObject } from "react";
import { useApi } from "@/api/client";
import { serviceColors, type ServiceColor } from "@/model/colors";
import { Loading } from "@/parts/States";
import { embed } from "@/url/embed";
import { useUrl } from "@/url/location";
import { Announcements } from "./Announcements";
import { DetailPanel } from "./detail/DetailPanel";
import { Header } from "./header/Header";
import { Notices } from "./header/Notices";
import { Minimap } from "./minimap/Minimap";
import { useTraceView, useView } from "./store";
import { Legend } from "./tools/Legend";
import { Toolbar } from "./tools/Toolbar";
import { useFinding } from "./useFinding";
import { useTraceShortcuts } from "./useTraceShortcuts";
import { useUrlSync } from "./useUrlSync";
import { OTHER_VIEWS, viewOf, type OtherViewName } from "./viewNames";
import { focusLineSoon } from "./waterfall/gridKeys";
import { Waterfall } from "./waterfall/Waterfall";
import styles from "./TraceScreen.module.css";

interface TraceScreenProps {
  readonly raw: boolean;
  reload(): void;
  readonly reloading: boolean;
}

export function TraceScreen({ raw, reload, reloading }: TraceScreenProps) {
  const view = useTraceView();
  const { params } = useUrl();
  const { data: services } = useApi("/services", {});
  const colors = useMemo(() => serviceColors(view.trace.serviceNames, services), [view, services]);
  const selected = useView(({ selected }) => selected);
  const detail = useRef<HTMLElement>(null);
  const shown = viewOf(params.get("v"));
  useUrlSync(view);
  useFinding();
  useTraceShortcuts();
  return (
    <div className={styles.screen} data-embedded={embed.embedded || undefined}>
      {shown === "waterfall" ? (
        <button type="button" className={styles.skip} onClick={focusLineSoon}>
          Skip to the spans
        </button>
      ) : null}
      <Header raw={raw} colors={colors} />
      <Notices raw={raw} reload={reload} reloading={reloading} />
      <Toolbar waterfall={shown === "waterfall"} />
      <Legend colors={colors} />
      {embed.hideMinimap || shown !== "waterfall" ? null : <Minimap colors={colors} />}
      <div className={styles.body}>
        {shown === "waterfall" ? (
          <Waterfall colors={colors} onOpen={() => focusSoon(detail)} />
        ) : (
          <OtherView name={shown} raw={raw} colors={colors} />
        )}
        {selected === null ? null : <DetailPanel panel={detail} row={selected} colors={colors} />}
      </div>
      <Announcements />
    </div>
  );
}

/** Gives the focus to what is shown after the next render. */
function focusSoon(element: RefObject<HTMLElement | null>): void {
  requestAnimationFrame(() => element.current?.focus());
}

function OtherView({
  name,
  raw,
  colors,
}: {
  readonly name: OtherViewName;
  readonly raw: boolean;
  readonly colors: ReadonlyMap<string, ServiceColor>;
}) {
  const { trace, store } = useTraceView();
  const selected = useView(({ selected }) => selected);
  const found = useView(({ found }) => found);
  const matchesOnly = useView(({ matchesOnly }) => matchesOnly);
  const hiddenServices = useView(({ hiddenServices }) => hiddenServices);
  const View = OTHER_VIEWS[name];
  return (
    <div className={styles.view}>
      <Suspense fallback={<Loading />}>
        <View
          {...{ trace, colors, selected, found, matchesOnly, hiddenServices, raw }}
          onSelect={(row) => store.setState({ selected: row, missing: "" })}
        />
      </Suspense>
    </div>
  );
}
