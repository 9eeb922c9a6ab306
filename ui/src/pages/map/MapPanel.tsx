/** What is known of the selected service or calls, and where to look further. */

import { Activity, ArrowRight, Crosshair, Search, X } from "lucide-react";
import type { ReactNode } from "react";
import { formatCount, formatRate } from "@/model/format";
import {
  calleesOf,
  callersOf,
  describeEdge,
  isService,
  type MapEdge,
  type MapNode,
  type ServiceMap,
} from "@/model/serviceMap";
import { Button, ButtonLink, IconButton } from "@/parts/Button";
import { ErrorShare } from "@/parts/ErrorShare";
import { Duration } from "@/parts/Figures";
import { linkTo, useUrl, type Changes } from "@/url/location";
import type { TimeWindow } from "@/url/timeWindow";
import { Link } from "wouter";
import { callTracesLink, canFindCalls, nodeTracesLink, type Which } from "./links";
import type { Selection } from "./selection";
import styles from "./MapPanel.module.css";

interface PanelProps {
  readonly map: ServiceMap;
  readonly time: TimeWindow;
  readonly focus: string | null;
  onSelect(selection: Selection | null): void;
}

/** Of the whole map, so that neighbours which are not drawn are told, too. */
export function MapPanel({ selection, ...rest }: PanelProps & { readonly selection: Selection }) {
  const { map } = rest;
  if ("service" in selection) {
    const node = map.nodes.find(({ service }) => service === selection.service);
    return node ? <NodePanel node={node} {...rest} /> : null;
  }
  const edge = map.edges.find(
    ({ caller, callee }) => caller === selection.caller && callee === selection.callee,
  );
  return edge ? <EdgePanel edge={edge} {...rest} /> : null;
}

function NodePanel({ node, map, time, focus, onSelect }: PanelProps & { readonly node: MapNode }) {
  const { change } = useUrl();
  const { service } = node;
  const range: Changes = time.params;
  return (
    <Panel title={service} note={KINDS[node.kind]} onClose={() => onSelect(null)}>
      <Figures
        calls={node.requests}
        callsName={isService(node) ? "Requests" : "Calls"}
        errors={node.errors}
        p50={node.p50_nanos}
        p95={node.p95_nanos}
        seconds={time.seconds}
        link={(which) => nodeTracesLink(node, range, which)}
      />
      <div className={styles.actions}>
        {service === focus ? null : (
          <Button
            icon={<Crosshair size={14} aria-hidden />}
            onClick={() => change({ service, hops: null })}
          >
            Focus
          </Button>
        )}
        {isService(node) ? (
          <ButtonLink
            href={linkTo("/services", { service, ...range })}
            icon={<Activity size={14} aria-hidden />}
          >
            Over time
          </ButtonLink>
        ) : null}
        <ButtonLink
          href={nodeTracesLink(node, range, "all")}
          icon={<Search size={14} aria-hidden />}
        >
          Traces
        </ButtonLink>
      </div>
      <Neighbours
        title="Called by"
        none="Nobody calls it."
        edges={callersOf(map, service)}
        nameOf={(edge) => edge.caller}
        onSelect={onSelect}
      />
      {isService(node) ? (
        <Neighbours
          title="Calls"
          none="It calls nobody."
          edges={calleesOf(map, service)}
          nameOf={(edge) => edge.callee}
          onSelect={onSelect}
        />
      ) : (
        <p className={styles.note}>
          It sends no spans: the figures are those of the spans that call it.
        </p>
      )}
    </Panel>
  );
}

const KINDS = { service: "Service", database: "Database", queue: "Queue", external: "External" };

function EdgePanel({ edge, map, time, onSelect }: PanelProps & { readonly edge: MapEdge }) {
  const callee = map.nodes.find(({ service }) => service === edge.callee);
  const link = (which: Which) => callTracesLink(edge, callee, time.params, which);
  const canFind = canFindCalls(edge, callee);
  return (
    <Panel
      title={
        <span className={styles.pair}>
          <Name service={edge.caller} onSelect={onSelect} />
          <ArrowRight size={14} aria-label="calls" />
          <Name service={edge.callee} onSelect={onSelect} />
        </span>
      }
      note="Calls"
      onClose={() => onSelect(null)}
    >
      <Figures
        calls={edge.calls}
        callsName="Calls"
        errors={edge.errors}
        p50={edge.p50_nanos}
        p95={edge.p95_nanos}
        seconds={time.seconds}
        link={canFind ? link : null}
      />
      <div className={styles.actions}>
        <ButtonLink variant="primary" href={link("all")} icon={<Search size={14} aria-hidden />}>
          {canFind ? "Traces of these calls" : "Traces of its requests"}
        </ButtonLink>
        {edge.errors ? <ButtonLink href={link("failed")}>Failed</ButtonLink> : null}
        <ButtonLink href={link("slow")}>Slowest</ButtonLink>
      </div>
      {edge.messages ? (
        <p className={styles.note}>
          {formatCount(edge.messages)} of them are messages: their receivers link to the sender from
          traces of their own.
        </p>
      ) : null}
      {canFind ? null : (
        <p className={styles.note}>
          A search finds all {formatCount(callee?.requests ?? 0)} requests that {edge.callee}{" "}
          served, those of its other callers, too.
        </p>
      )}
    </Panel>
  );
}

function Name({ service, onSelect }: { readonly service: string } & Pick<PanelProps, "onSelect">) {
  return (
    <button type="button" className={styles.link} onClick={() => onSelect({ service })}>
      {service}
    </button>
  );
}

function Panel({
  title,
  note,
  onClose,
  children,
}: {
  readonly title: ReactNode;
  readonly note: string;
  onClose(): void;
  readonly children: ReactNode;
}) {
  return (
    <aside className={styles.panel} aria-label="Selected in the map">
      <header className={styles.header}>
        <div>
          <p className={styles.note}>{note}</p>
          <h2>{title}</h2>
        </div>
        <IconButton label="Close (Escape)" icon={<X size={16} />} onClick={onClose} />
      </header>
      {children}
    </aside>
  );
}

interface FiguresProps {
  readonly calls: number;
  readonly callsName: string;
  readonly errors: number;
  readonly p50: number;
  readonly p95: number;
  readonly seconds: number;
  /** Null where no search finds what is counted, and nothing else. */
  readonly link: ((which: Which) => string) | null;
}

/** Each figure leads to what it counts. */
function Figures({ calls, callsName, errors, p50, p95, seconds, link }: FiguresProps) {
  if (!calls) return <p className={styles.note}>No requests in this stretch of time.</p>;
  const linked = (which: Which, figure: ReactNode) =>
    link ? <Link href={link(which)}>{figure}</Link> : figure;
  return (
    <dl className={styles.figures}>
      <div>
        <dt>{callsName}</dt>
        <dd>{linked("all", formatCount(calls))}</dd>
      </div>
      <div>
        <dt>Rate</dt>
        <dd>{formatRate(calls, seconds)}</dd>
      </div>
      <div>
        <dt>Errors</dt>
        <dd>
          {errors ? (
            linked("failed", <ErrorShare errors={errors} calls={calls} />)
          ) : (
            <ErrorShare errors={0} calls={calls} />
          )}
        </dd>
      </div>
      <div>
        <dt>p50</dt>
        <dd>
          <Duration nanos={p50} />
        </dd>
      </div>
      <div>
        <dt>p95</dt>
        <dd>{linked("slow", <Duration nanos={p95} />)}</dd>
      </div>
    </dl>
  );
}

interface NeighboursProps {
  readonly title: string;
  readonly none: string;
  readonly edges: readonly MapEdge[];
  nameOf(edge: MapEdge): string;
  onSelect(selection: Selection): void;
}

/** The calls of a service, each a button that selects them. */
function Neighbours({ title, none, edges, nameOf, onSelect }: NeighboursProps) {
  return (
    <section className={styles.neighbours}>
      <h3>
        {title}
        {edges.length > 1 ? <span className={styles.note}> {edges.length} services</span> : null}
      </h3>
      {edges.length ? null : <p className={styles.note}>{none}</p>}
      <ul>
        {edges.map((edge) => (
          <li key={nameOf(edge)}>
            <button
              type="button"
              className={styles.neighbour}
              title={describeEdge(edge)}
              onClick={() => onSelect({ caller: edge.caller, callee: edge.callee })}
            >
              <span className={styles.name}>{nameOf(edge)}</span>
              <span>{formatCount(edge.calls)}</span>
              <ErrorShare errors={edge.errors} calls={edge.calls} />
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
