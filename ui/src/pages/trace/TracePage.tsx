/** The page of one trace: reads it, and says what to do where there is nothing to read. */

import { RefreshCw, SearchX } from "lucide-react";
import { useEffect, useState } from "react";
import { Redirect, useParams } from "wouter";
import { useApi } from "@/api/client";
import { useTrace } from "@/api/trace";
import { groupSiblings } from "@/model/siblings";
import { nameOf, rootRow, type TraceData } from "@/model/traceData";
import { Button, ButtonLink } from "@/parts/Button";
import { Empty, Failure, Loading } from "@/parts/States";
import { linkTo, useUrl } from "@/url/location";
import { readTraceId } from "@/url/traceId";
import { createView, TraceViewContext, writeView } from "./store";
import { TraceScreen } from "./TraceScreen";

export default function TracePage() {
  const { id } = useParams<{ id: string }>();
  const { link, path } = useUrl();
  const traceId = readTraceId(id)?.padStart(32, "0") ?? null;
  if (!traceId) return <NoTraceId id={id} />;
  if (traceId !== id) return <Redirect to={link({}).replace(path, `/trace/${traceId}`)} replace />;
  return <TraceLoader key={traceId} traceId={traceId} />;
}

function NoTraceId({ id }: { readonly id: string }) {
  return (
    <Empty title="This is no trace id" icon={<SearchX size={28} aria-hidden />}>
      <p>
        A trace id has 32 digits from 0 to 9 and a to f; shorter ones, of 8 at least, are filled up
        with zeros. This is <code>{id}</code>.
      </p>
    </Empty>
  );
}

function TraceLoader({ traceId }: { readonly traceId: string }) {
  const { params } = useUrl();
  const raw = params.get("raw") === "true";
  const root = params.get("root") ?? undefined;
  const limit = Number(params.get("limit")) || undefined;
  const { data, error, refetch, isFetching } = useTrace(traceId, { raw, root, limit });
  // For the colours of services: asked beside the trace, so that they are there with it.
  useApi("/services", {});
  const reload = () => void refetch();
  useTitle(data ? nameOf(data, rootRow(data)) : traceId);
  if (data) {
    return (
      <LoadedTrace
        key={`${raw} ${root ?? ""} ${limit ?? ""}`}
        {...{ raw, reload }}
        trace={data}
        reloading={isFetching}
      />
    );
  }
  return (
    <>
      <h1 className="visually-hidden">Trace {traceId}</h1>
      {error?.status === 404 ? (
        <Absent {...{ traceId, root, reload }} busy={isFetching} />
      ) : error ? (
        <Failure title="The trace could not be read" error={error} retry={reload} />
      ) : (
        <Loading label="Loading the trace" lines={14} />
      )}
    </>
  );
}

function useTitle(title: string): void {
  useEffect(() => {
    const before = document.title;
    document.title = `${title} – ${before}`;
    return () => {
      document.title = before;
    };
  }, [title]);
}

/** Why a trace may not be there, and what to do in each case. */
function Absent({
  traceId,
  root,
  reload,
  busy,
}: {
  readonly traceId: string;
  readonly root: string | undefined;
  reload(): void;
  readonly busy: boolean;
}) {
  const { link } = useUrl();
  if (root) {
    return (
      <Empty title="This trace has no such span">
        <p>The span {root} is not in it.</p>
        <ButtonLink href={link({ root: null })}>Show the whole trace</ButtonLink>
      </Empty>
    );
  }
  return (
    <Empty title="There is no such trace" icon={<SearchX size={28} aria-hidden />}>
      <p>
        No span of <code>{traceId}</code> is stored. It may be
      </p>
      <ul style={{ textAlign: "start", margin: "8px 0 16px", paddingLeft: 20 }}>
        <li>on its way: spans are sent in batches, so wait a few seconds and try again;</li>
        <li>mistyped, or cut off where it was copied;</li>
        <li>sampled out, by the service or by the collector;</li>
        <li>older than the store keeps spans.</li>
      </ul>
      <div style={{ display: "flex", flexWrap: "wrap", gap: 8, justifyContent: "center" }}>
        <Button variant="primary" icon={<RefreshCw size={14} />} onClick={reload} disabled={busy}>
          Try again
        </Button>
        <ButtonLink href={linkTo("/search")}>Search for traces</ButtonLink>
        <ButtonLink href={linkTo("/pipeline")}>See what is dropped</ButtonLink>
      </div>
    </Empty>
  );
}

function LoadedTrace({
  trace,
  raw,
  reload,
  reloading,
}: {
  readonly trace: TraceData;
  readonly raw: boolean;
  reload(): void;
  readonly reloading: boolean;
}) {
  const { params, link } = useUrl();
  const make = (from: URLSearchParams) => createView(trace, groupSiblings(trace), from);
  const [view, setView] = useState(() => make(params));
  // A reloaded trace begins anew, but where one was: the address may not say that yet.
  if (view.trace !== trace) {
    const left = link(writeView(view.trace, view.store.getState()));
    setView(make(new URL(left, globalThis.location.href).searchParams));
  }
  return (
    <TraceViewContext value={view}>
      <TraceScreen {...{ raw, reload, reloading }} />
    </TraceViewContext>
  );
}
