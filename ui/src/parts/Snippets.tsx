/** Copyable first programs that send a span to this process, with its own addresses filled in. */

import { useState } from "react";
import { Link } from "wouter";
import { useApi } from "@/api/client";
import {
  DEFAULT_ENDPOINTS,
  findOtlpEndpoints,
  SERVICE,
  writeSnippets,
  type Snippet,
} from "@/model/snippets";
import { linkTo } from "@/url/location";
import { CopyButton } from "./CopyButton";
import { Notice } from "./States";
import { Tabs } from "./Tabs";
import styles from "./Snippets.module.css";

export function Snippets() {
  const pipeline = useApi("/pipeline", {});
  const [traceId] = useState(newTraceId);
  const endpoints = pipeline.data
    ? findOtlpEndpoints(pipeline.data.components, location.hostname)
    : DEFAULT_ENDPOINTS;
  return (
    <div className={styles.snippets}>
      {endpoints.http || endpoints.grpc ? null : (
        <Notice>
          No receiver takes OTLP here, so these name its usual ports. Add the receiver{" "}
          <code>otlp</code> to a pipeline first.
        </Notice>
      )}
      <Tabs
        label="Ways to send a span"
        tabs={writeSnippets(endpoints, traceId).map((snippet) => ({
          key: snippet.key,
          title: snippet.title,
          content: <Panel snippet={snippet} />,
        }))}
      />
      <p className={styles.use}>
        What they send is found as{" "}
        <Link href={linkTo("/search", { service: SERVICE })}>
          service <code>{SERVICE}</code>
        </Link>
        .
      </p>
    </div>
  );
}

function Panel({ snippet: { title, use, install, text } }: { readonly snippet: Snippet }) {
  return (
    <div className={styles.panel}>
      {install ? <Code text={install} label="Install" /> : null}
      <p className={styles.use}>{use}</p>
      <Code text={text} label={title} />
    </div>
  );
}

function Code({ text, label }: { readonly text: string; readonly label: string }) {
  return (
    <div className={styles.code}>
      <pre tabIndex={0} role="region" aria-label={label}>
        <code>{text.trimEnd()}</code>
      </pre>
      <CopyButton text={text} label={`Copy: ${label}`} />
    </div>
  );
}

function newTraceId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
