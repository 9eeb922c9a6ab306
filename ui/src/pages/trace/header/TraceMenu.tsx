/** What can be done with a trace: downloads, links, comparing. */

import { EllipsisVertical } from "lucide-react";
import { useState } from "react";
import { API } from "@/api/client";
import { uploadOf } from "@/api/uploads";
import type { TraceData } from "@/model/traceData";
import { copyText } from "@/parts/CopyButton";
import { Button } from "@/parts/Button";
import { CheckBox, TextField } from "@/parts/Field";
import { Popover } from "@/parts/Popover";
import { basePath, linkTo, useUrl } from "@/url/location";
import { readTraceId } from "@/url/traceId";
import { announce } from "../Announcements";
import styles from "./TraceMenu.module.css";

export function TraceMenu({ trace, raw }: { readonly trace: TraceData; readonly raw: boolean }) {
  const { change } = useUrl();
  const jaeger = `${basePath}/api/traces/${trace.traceId}?prettyPrint=true`;
  const otlp = `${API}/traces/${trace.traceId}/otlp`;
  // What is from a file is not on the server; the JSON view shows and downloads it.
  const isUploaded = uploadOf(trace.traceId) !== null;
  const links = isUploaded
    ? []
    : [
        ["Jaeger JSON", jaeger],
        ["Jaeger JSON, uncorrected", `${jaeger}&raw=true`],
        ["OTLP JSON", `${otlp}?format=json`],
        ["OTLP protobuf", `${otlp}?format=protobuf`],
      ];
  return (
    <Popover
      label={<EllipsisVertical size={16} aria-hidden />}
      name="Downloads and more"
      align="end"
      variant="quiet"
    >
      {(close) => (
        <div className={styles.menu}>
          <Button
            variant="quiet"
            data-autofocus
            onClick={() => {
              void copyText(location.href).then(() => announce("Link copied"));
              close();
            }}
          >
            Copy a link to what is shown
          </Button>
          {links.map(([title, href]) => (
            <a key={title} className={styles.link} href={href} target="_blank" rel="noreferrer">
              {title}
            </a>
          ))}
          <CheckBox
            label="Times as stored, clocks not corrected"
            checked={raw}
            onChange={(event) => change({ raw: event.currentTarget.checked ? "true" : null })}
          />
          <CompareWith traceId={trace.traceId} />
        </div>
      )}
    </Popover>
  );
}

function CompareWith({ traceId }: { readonly traceId: string }) {
  const { go } = useUrl();
  const [text, setText] = useState("");
  const other = readTraceId(text);
  return (
    <form
      className={styles.compare}
      onSubmit={(event) => {
        event.preventDefault();
        if (other) go(linkTo(`/trace/${traceId}...${other}`));
      }}
    >
      <TextField
        label="Compare with the trace"
        placeholder="Trace id"
        value={text}
        error={text && !other ? "A trace id has 8 to 32 digits 0–9 and a–f" : undefined}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      <Button type="submit" disabled={!other}>
        Compare
      </Button>
    </form>
  );
}
