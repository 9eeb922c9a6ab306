/** What to look at when spans do not arrive, with what this process knows of it, and first programs. */

import { CircleCheck, CircleDot, TriangleAlert } from "lucide-react";
import { useState, type ReactNode } from "react";
import { formatCount } from "@/model/format";
import { countReceived, receiversOf, type Component } from "@/model/pipeline";
import { findOtlpEndpoints, type OtlpEndpoints } from "@/model/snippets";
import { Snippets } from "@/parts/Snippets";
import styles from "./NothingArrives.module.css";

export function NothingArrives({ components }: { readonly components: readonly Component[] }) {
  // Opened by itself at the first look alone: what a reader opened or closed stays so.
  const [open] = useState(() => countReceived(components) === 0);
  return (
    <details className={styles.details} open={open}>
      <summary className={styles.summary}>
        <h2>Send traces here</h2>
      </summary>
      <div className={styles.content}>
        <Checklist components={components} />
        <section className={styles.section} aria-labelledby="first-span">
          <h3 id="first-span">Send a first span</h3>
          <Snippets />
        </section>
      </div>
    </details>
  );
}

function Checklist({ components }: { readonly components: readonly Component[] }) {
  const endpoints = findOtlpEndpoints(components, location.hostname);
  return (
    <section className={styles.section} aria-labelledby="checklist">
      <h3 id="checklist">Nothing arrives?</h3>
      <p>Look at these, in this order.</p>
      <ol className={styles.checks}>
        <Listening components={components} />
        <Refusals components={components} />
        <Reach endpoints={endpoints} />
        <Check title="Protocol and port belong together">
          gRPC goes to <code>{endpoints.grpc ?? "no port here"}</code>, HTTP to{" "}
          <code>{endpoints.http ? `${endpoints.http}/v1/traces` : "no port here"}</code>. An SDK
          adds <code>/v1/traces</code> to <code>OTEL_EXPORTER_OTLP_ENDPOINT</code> by itself, and
          not to an endpoint given in its code. A receiver with <code>tls</code> wants{" "}
          <code>https://</code>.
        </Check>
        <Check title="The program has an exporter">
          The package of the OTLP exporter is installed, and <code>OTEL_TRACES_EXPORTER</code> is
          not <code>none</code> or <code>console</code>. An SDK without an exporter makes spans and
          tells nobody; with <code>OTEL_LOG_LEVEL=debug</code> many say what they do.
        </Check>
        <Check title="Sampling keeps some">
          <code>OTEL_TRACES_SAMPLER</code> is not <code>always_off</code>, its ratio is not too
          small, and the caller of the program has not decided against the trace: a parent-based
          sampler does what the header <code>traceparent</code> says.
        </Check>
        <Check title="The last batch is sent">
          Spans are sent in batches every few seconds. A program that ends sooner must call{" "}
          <code>shutdown()</code> or <code>force_flush()</code> of its tracer provider; in
          serverless functions, before returning.
        </Check>
      </ol>
    </section>
  );
}

type Tone = "open" | "good" | "bad";

const ICONS = { open: CircleDot, good: CircleCheck, bad: TriangleAlert };
const WORDS = { open: "to check", good: "all right", bad: "a problem" };

function Check({
  title,
  tone = "open",
  children,
}: {
  readonly title: string;
  /** What this process can tell by itself; `open` where only the reader can. */
  readonly tone?: Tone;
  readonly children: ReactNode;
}) {
  const Icon = ICONS[tone];
  return (
    <li className={styles[tone]}>
      <Icon size={16} role="img" aria-label={WORDS[tone]} />
      <div>
        <strong>{title}</strong>
        <p>{children}</p>
      </div>
    </li>
  );
}

function Listening({ components }: { readonly components: readonly Component[] }) {
  const listening = receiversOf(components).flatMap(({ id, addresses }) =>
    Object.entries(addresses).map(([protocol, address]) => ({ id, protocol, address })),
  );
  if (!listening.length) {
    return (
      <Check title="No receiver listens" tone="bad">
        Add a receiver such as <code>otlp</code> to a pipeline and start again.
      </Check>
    );
  }
  return (
    <Check title="Receivers listen" tone="good">
      {listening.map(({ id, protocol, address }, index) => (
        <span key={`${id} ${protocol}`}>
          {index ? ", " : ""}
          {id} {protocol} on <code>{address}</code>
        </span>
      ))}
      . The program must send to one of these.
    </Check>
  );
}

function Refusals({ components }: { readonly components: readonly Component[] }) {
  const refused = receiversOf(components).flatMap(({ id, refused, refused_requests }) => [
    ...Object.entries(refused_requests).map(
      ([reason, count]) =>
        `${formatCount(count)} ${count === 1 ? "request" : "requests"} to ${id}: ${reason}`,
    ),
    ...(refused ? [`${formatCount(refused)} spans to ${id}: not taken by what comes after`] : []),
  ]);
  if (!refused.length) {
    return (
      <Check title="Nothing was refused" tone="good">
        What reached a receiver since the start was taken. If nothing did, the programs do not reach
        this process.
      </Check>
    );
  }
  return (
    <Check title="Something arrived and was refused" tone="bad">
      {refused.join("; ")}. The sender has the details in its log.
    </Check>
  );
}

function Reach({ endpoints: { http, grpc, localOnly } }: { readonly endpoints: OtlpEndpoints }) {
  if (localOnly) {
    const setting = `receivers::otlp::protocols::${http ? "http" : "grpc"}::endpoint`;
    const port = (http ?? grpc)?.split(":").at(-1);
    return (
      <Check title="Only programs on this machine can reach it">
        The OTLP receivers listen on the loopback address, which other machines and containers do
        not reach; in a container <code>localhost</code> is the container itself. To let them in,
        set{" "}
        <code>
          {setting}=0.0.0.0:{port}
        </code>
        , and open the port in the firewall.
      </Check>
    );
  }
  return (
    <Check title="The way is free">
      A firewall lets the port through. In a container <code>localhost</code> is the container
      itself: use the name of this machine, or of its service.
    </Check>
  );
}
