/** Who calls whom: drawn or as a table, whole or around one service. */

import { useCallback, useMemo, useState, type ReactNode } from "react";
import { Network } from "lucide-react";
import { useApi } from "@/api/client";
import { useShortcuts } from "@/app/shortcuts";
import { parseFind } from "@/model/find";
import {
  busiestService,
  neighbourhood,
  readHops,
  withoutWeakEdges,
  type Hops,
  type ServiceMap,
} from "@/model/serviceMap";
import { Button, ButtonLink } from "@/parts/Button";
import { useNarrow } from "@/parts/narrow";
import { Empty, Failure, Loading, Notice } from "@/parts/States";
import { linkTo, useUrl } from "@/url/location";
import { useTimeWindow, type TimeWindow } from "@/url/timeWindow";
import { MapPanel } from "./MapPanel";
import { MapTable } from "./MapTable";
import { MapToolbar } from "./MapToolbar";
import { MapView, type MapViewProps } from "./MapView";
import { readSelection, selectionParams, type Selection } from "./selection";
import { useLayout } from "./useLayout";
import styles from "./ServiceMapPage.module.css";

/** Larger maps are opened around their busiest service. */
const MAX_WHOLE = 100;

export default function ServiceMapPage() {
  const time = useTimeWindow();
  const answer = useApi("/service-map", time.question, { keep: true });
  return (
    <div className={styles.page}>
      <h1 className="visually-hidden">Service map</h1>
      {answer.data ? (
        <Content map={answer.data} time={time} refreshing={answer.isFetching} />
      ) : answer.error ? (
        <Failure error={answer.error} retry={() => void answer.refetch()} />
      ) : (
        <Loading label="Loading the service map" />
      )}
      {answer.data && answer.error ? (
        <Notice tone="error">
          These are the figures of before: {answer.error.message}{" "}
          <Button onClick={() => void answer.refetch()}>Try again</Button>
        </Notice>
      ) : null}
    </div>
  );
}

/** What the URL says about the map. */
interface Choice {
  /** The service in focus. */
  readonly focus: string | null;
  readonly hops: Hops;
  readonly minCalls: number;
  readonly find: string;
  readonly asTable: boolean;
  /** Whether the focus was not asked for: the map is too large to start with all of it. */
  readonly isGuess: boolean;
}

function readChoice(params: URLSearchParams, map: ServiceMap, narrow: boolean): Choice {
  const asked = params.get("service");
  const isGuess = !asked && params.get("hops") !== "all" && map.nodes.length > MAX_WHOLE;
  return {
    focus: asked || (isGuess ? busiestService(map) : null),
    hops: readHops(params.get("hops")),
    minCalls: Math.max(0, Math.trunc(Number(params.get("min") ?? 0)) || 0),
    find: params.get("uiFind") ?? "",
    // A phone has room for the table alone, unless the map is asked for.
    asTable: (params.get("view") ?? (narrow ? "table" : "map")) === "table",
    isGuess,
  };
}

function Content({
  map,
  time,
  refreshing,
}: {
  readonly map: ServiceMap;
  readonly time: TimeWindow;
  readonly refreshing: boolean;
}) {
  const { params, change } = useUrl();
  const narrow = useNarrow();
  const choice = useMemo(() => readChoice(params, map, narrow), [params, map, narrow]);
  const { focus, hops, minCalls } = choice;
  const shown = useMemo(() => {
    const strong = withoutWeakEdges(map, minCalls);
    return focus ? neighbourhood(strong, focus, hops) : strong;
  }, [map, focus, hops, minCalls]);
  const found = useMemo(() => findServices(shown, choice.find), [shown, choice.find]);
  const [reveal, setReveal] = useState<string | null>(null);
  const selection = useMemo(() => readSelection(params), [params]);
  const select = useCallback(
    (chosen: Selection | null) => change(selectionParams(chosen), { replace: true }),
    [change],
  );
  const focusOn = useCallback(
    (service: string) => change({ service, ...selectionParams({ service }) }),
    [change],
  );
  useShortcuts([
    {
      keys: ["Escape"],
      description: "Select nothing",
      group: "Service map",
      run: () => select(null),
    },
  ]);
  return (
    <>
      <MapToolbar
        map={map}
        time={time}
        {...choice}
        found={found}
        refreshing={refreshing}
        onNext={() => setReveal(nextFound(found, reveal))}
      />
      {choice.isGuess && focus ? (
        <Notice tone="info">
          {map.nodes.length} services are too many to read at once: these are <b>{focus}</b>, the
          busiest, and its neighbours.{" "}
          <Button onClick={() => change({ hops: "all" })}>Show all</Button>
        </Notice>
      ) : null}
      <EmptyMap map={map} shown={shown} focus={focus} minCalls={minCalls} time={time}>
        <div className={styles.body}>
          {choice.asTable ? (
            <MapTable map={shown} time={time} found={found} />
          ) : (
            <Drawing
              map={shown}
              time={time}
              focus={focus}
              start={focus ?? busiestService(shown)}
              selection={selection}
              found={found}
              reveal={reveal}
              onSelect={select}
              onFocus={focusOn}
            />
          )}
          {selection && !choice.asTable ? (
            <MapPanel map={map} selection={selection} time={time} focus={focus} onSelect={select} />
          ) : null}
        </div>
      </EmptyMap>
    </>
  );
}

type DrawingProps = Omit<MapViewProps, "layout" | "layoutKey" | "seconds"> & {
  readonly time: TimeWindow;
};

function Drawing({ time, ...rest }: DrawingProps) {
  const { layout, key, error } = useLayout(rest.map);
  const { link } = useUrl();
  if (error) {
    return (
      <Empty title="The map could not be laid out">
        {error.message} <ButtonLink href={link({ view: "table" })}>Show the table</ButtonLink>
      </Empty>
    );
  }
  if (!layout) return <Loading label="Laying out the map" />;
  return <MapView {...rest} layout={layout} layoutKey={key} seconds={time.seconds} />;
}

/** Why there is nothing to draw, or what there is. */
function EmptyMap({
  map,
  shown,
  focus,
  minCalls,
  time,
  children,
}: {
  readonly map: ServiceMap;
  readonly shown: ServiceMap;
  readonly focus: string | null;
  readonly minCalls: number;
  readonly time: TimeWindow;
  readonly children: ReactNode;
}) {
  const { change } = useUrl();
  const icon = <Network size={28} aria-hidden />;
  if (!map.nodes.length) {
    return (
      <Empty title="No spans in this stretch of time" icon={icon}>
        <p>Nothing began between its start and end, so nobody called anybody.</p>
        <p className={styles.actions}>
          <Button onClick={() => time.setRange({ lookback: "24h" })}>Show the last 24 hours</Button>
          <ButtonLink href={linkTo("/pipeline")}>See what arrives</ButtonLink>
        </p>
      </Empty>
    );
  }
  if (focus && !map.nodes.some((node) => node.service === focus)) {
    return (
      <Empty title={`No spans of ${focus} in this stretch of time`} icon={icon}>
        <p>Nobody called it either. Look at a longer stretch, or at all services.</p>
        <p className={styles.actions}>
          <Button onClick={() => change({ service: null })}>Show all services</Button>
        </p>
      </Empty>
    );
  }
  if (!shown.edges.length && !focus && minCalls > 0 && map.edges.length) {
    return (
      <Empty title={`No calls were made ${minCalls} times or more`} icon={icon}>
        <Button onClick={() => change({ min: null })}>Show all calls</Button>
      </Empty>
    );
  }
  return (
    <>
      {map.edges.length ? null : (
        <Notice>
          None of these services calls another. Where they should, the context is not passed on:
          each service must send the <code>traceparent</code> header (W3C Trace Context) with its
          requests and messages, read it from those it gets, and make the client span the parent of
          the server span. Proxies and queues between them must let the header through.
        </Notice>
      )}
      {children}
    </>
  );
}

/** Services whose name has one of the words; null where none is looked for. */
function findServices(map: ServiceMap, text: string): ReadonlySet<string> | null {
  const { words } = parseFind(text);
  if (!words.length) return null;
  return new Set(
    map.nodes
      .map(({ service }) => service)
      .filter((service) => words.some((word) => service.toLowerCase().includes(word))),
  );
}

function nextFound(found: ReadonlySet<string> | null, last: string | null): string | null {
  const names = [...(found ?? [])];
  return names[(names.indexOf(last ?? "") + 1) % Math.max(names.length, 1)] ?? null;
}
