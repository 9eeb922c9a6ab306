/**
 * The trace as JSON: Jaeger's, corrected or as stored, or OTLP's. The head of a large trace is
 * shown, and all of it can be downloaded.
 */

import { useQuery } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { useMemo, useState } from "react";
import { API, fetchOk } from "@/api/client";
import { uploadedJson, uploadOf } from "@/api/uploads";
import { formatBytes } from "@/model/format";
import type { TraceData } from "@/model/traceData";
import { Button } from "@/parts/Button";
import { CopyButton } from "@/parts/CopyButton";
import { download } from "@/parts/download";
import { Failure, Loading, Notice } from "@/parts/States";
import { basePath, useUrl } from "@/url/location";
import type { ViewProps } from "./props";
import jsonStyles from "./JsonView.module.css";
import styles from "./View.module.css";

/** As much as a browser lays out without being felt, and searches with its own find. */
const SHOWN_CHARACTERS = 1_500_000;
const LINES_IN_BLOCK = 200;

type Format = "adjusted" | "raw" | "otlp";
const FORMATS: readonly (readonly [format: Format, title: string, hint: string])[] = [
  ["adjusted", "Jaeger", "With the corrections the other views show"],
  ["raw", "Jaeger, as stored", "Without corrections"],
  ["otlp", "OTLP", "All that was sent, to nanoseconds"],
];

export default function JsonView({ trace, raw }: ViewProps) {
  const { params, change } = useUrl();
  const upload = uploadOf(trace.traceId);
  const named = FORMATS.find(([format]) => format === params.get("format"))?.[0];
  const format = named ?? (raw ? "raw" : "adjusted");
  const { data, error, refetch } = useQuery({
    queryKey: ["json", trace.traceId, upload?.fileName, format],
    queryFn: ({ signal }) => readHead(trace, format, signal),
  });
  return (
    <section className={styles.view} aria-label="JSON">
      <div className={styles.tools}>
        {upload ? (
          <span>As read from {upload.fileName}</span>
        ) : (
          <div className={styles.group} role="group" aria-label="Format">
            {FORMATS.map(([name, title, hint]) => (
              <Button
                key={name}
                pressed={name === format}
                title={hint}
                onClick={() => change({ format: name }, { replace: true })}
              >
                {title}
              </Button>
            ))}
          </div>
        )}
        <Save trace={trace} format={format} />
        {data?.whole ? <CopyButton text={data.text} label="Copy the JSON" /> : null}
        {data ? (
          <span className={styles.count} role="status">
            {data.whole ? formatBytes(data.text.length) : null}
          </span>
        ) : null}
      </div>
      {data && !data.whole ? (
        <Notice>
          This is the first {formatBytes(data.text.length)} of it. Download it to see the rest.
        </Notice>
      ) : null}
      {error ? <Failure error={error} retry={() => void refetch()} /> : null}
      {data ? <Text text={data.text} /> : error ? null : <Loading />}
    </section>
  );
}

function addressOf(traceId: string, format: Format): string {
  if (format === "otlp") return `${API}/traces/${traceId}/otlp?format=json`;
  const raw = format === "raw" ? "&raw=true" : "";
  return `${basePath}/api/traces/${traceId}?prettyPrint=true${raw}`;
}

interface Head {
  readonly text: string;
  readonly whole: boolean;
}

async function readHead(
  { traceId }: TraceData,
  format: Format,
  signal: AbortSignal,
): Promise<Head> {
  const uploaded = await uploadedJson(traceId);
  if (uploaded) return headOf(JSON.stringify({ data: [uploaded] }, null, 2));
  const { body } = await fetchOk(addressOf(traceId, format), { signal });
  const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (text.length <= SHOWN_CHARACTERS) {
    const { value, done } = await reader.read();
    if (done) return { text: indented(text), whole: true };
    text += value;
  }
  await reader.cancel();
  return headOf(text);
}

function headOf(text: string): Head {
  const whole = text.length <= SHOWN_CHARACTERS;
  return { text: whole ? text : text.slice(0, SHOWN_CHARACTERS), whole };
}

/** OTLP comes in one line, which nobody reads. */
function indented(text: string): string {
  return text.includes("\n") ? text : JSON.stringify(JSON.parse(text), null, 2);
}

function Save({ trace, format }: { readonly trace: TraceData; readonly format: Format }) {
  const [failure, setFailure] = useState("");
  const save = async () => {
    setFailure("");
    const name = `trace-${trace.traceId}${format === "adjusted" ? "" : `-${format}`}.json`;
    try {
      const uploaded = await uploadedJson(trace.traceId);
      const content = uploaded
        ? JSON.stringify({ data: [uploaded] })
        : await (await fetchOk(addressOf(trace.traceId, format))).blob();
      download(name, "application/json", [content]);
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <>
      <Button icon={<Download size={14} aria-hidden />} onClick={() => void save()}>
        Download
      </Button>
      {failure ? (
        <span className={styles.error} role="alert">
          {failure}
        </span>
      ) : null}
    </>
  );
}

/** The text in blocks, of which the browser lays out those in sight. */
function Text({ text }: { readonly text: string }) {
  const blocks = useMemo(() => {
    const lines = text.split("\n");
    return Array.from({ length: Math.ceil(lines.length / LINES_IN_BLOCK) }, (_, block) =>
      lines.slice(block * LINES_IN_BLOCK, (block + 1) * LINES_IN_BLOCK),
    );
  }, [text]);
  return (
    <div className={jsonStyles.text} tabIndex={0} role="region" aria-label="JSON of the trace">
      {blocks.map((lines, block) => (
        <pre
          key={block}
          className={jsonStyles.block}
          style={{ containIntrinsicBlockSize: `${lines.length * 18}px` }}
        >
          {lines.join("\n")}
        </pre>
      ))}
    </div>
  );
}
