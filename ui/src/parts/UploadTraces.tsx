/**
 * Opens traces of files: a button, and a place to drop them on. One trace is opened at once; of
 * several, one is chosen. What could not be read is told by file.
 */

import { FileUp, Trash2 } from "lucide-react";
import { useId, useRef, useState, type DragEvent } from "react";
import { Link } from "wouter";
import { forget, useUploads, type Upload } from "@/api/uploads";
import { linkTo, useUrl } from "@/url/location";
import { Button, IconButton } from "./Button";
import { Duration, Time } from "./Figures";
import { Notice } from "./States";
import styles from "./UploadTraces.module.css";

interface Problem {
  readonly fileName: string;
  readonly message: string;
}

interface UploadTracesProps {
  /** A trace is about to be shown. */
  onOpen?(): void;
}

export function UploadTraces({ onOpen }: UploadTracesProps) {
  const { go } = useUrl();
  const uploads = useUploads((state) => state.uploads);
  const [reading, setReading] = useState(false);
  const [problems, setProblems] = useState<readonly Problem[]>([]);
  const open = async (files: readonly File[]) => {
    if (!files.length) return;
    setReading(true);
    const { read, problems } = await readAll(files);
    setProblems(problems);
    setReading(false);
    const [only, second] = read;
    if (!only || second || problems.length) return;
    onOpen?.();
    go(linkTo(`/trace/${only.traceId}`));
  };
  return (
    <section className={styles.upload} aria-label="Traces from files">
      <DropZone reading={reading} onFiles={(files) => void open(files)} />
      {problems.map(({ fileName, message }) => (
        <Notice key={fileName} tone="error">
          <strong>{fileName}</strong>: {message}
        </Notice>
      ))}
      {uploads.length ? <UploadList uploads={uploads} onOpen={onOpen} /> : null}
    </section>
  );
}

async function readAll(files: readonly File[]) {
  // What reads files is loaded when there is one.
  const { readUpload } = await import("@/api/readUpload");
  const read: Upload[] = [];
  const problems: Problem[] = [];
  for (const file of files) {
    try {
      read.push(...(await readUpload(file)));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      problems.push({ fileName: file.name, message });
    }
  }
  return { read, problems };
}

function DropZone({
  reading,
  onFiles,
}: {
  readonly reading: boolean;
  onFiles(files: readonly File[]): void;
}) {
  const [over, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const hintId = useId();
  const drag = (isOver: boolean) => (event: DragEvent) => {
    event.preventDefault();
    setOver(isOver);
  };
  return (
    <div
      className={`${styles.zone} ${over ? styles.over : ""}`}
      onDragOver={drag(true)}
      onDragLeave={drag(false)}
      onDrop={(event) => {
        drag(false)(event);
        onFiles([...event.dataTransfer.files]);
      }}
    >
      <input
        ref={input}
        type="file"
        multiple
        hidden
        accept=".json,.jsonl,.ndjson,application/json"
        aria-label="Files of traces"
        onChange={(event) => {
          onFiles([...(event.currentTarget.files ?? [])]);
          // The same file can be chosen again, once it is mended.
          event.currentTarget.value = "";
        }}
      />
      <Button
        icon={<FileUp size={14} aria-hidden />}
        disabled={reading}
        aria-describedby={hintId}
        onClick={() => input.current?.click()}
      >
        {reading ? "Reading…" : "Open files"}
      </Button>
      <p id={hintId} className={styles.hint}>
        or drop them here: Jaeger or OTLP JSON, also JSON Lines. They stay in this browser.
      </p>
    </div>
  );
}

function UploadList({
  uploads,
  onOpen,
}: {
  readonly uploads: readonly Upload[];
  readonly onOpen: (() => void) | undefined;
}) {
  return (
    <ul className={styles.list} aria-label="Traces read from files">
      {uploads.map((upload) => (
        <li key={upload.traceId} className={styles.item}>
          <Link href={linkTo(`/trace/${upload.traceId}`)} className={styles.name} onClick={onOpen}>
            {upload.service} {upload.operation}
          </Link>
          <span className={styles.facts}>
            <Duration nanos={upload.durationNanos} />
            <span>
              {upload.spans.toLocaleString("en-US")} {upload.spans === 1 ? "span" : "spans"}
            </span>
            {upload.errors ? (
              <span className={styles.errors}>
                {upload.errors.toLocaleString("en-US")} {upload.errors === 1 ? "error" : "errors"}
              </span>
            ) : null}
            <Time micros={upload.startMicros} precision="second" />
            <span className={styles.file}>{upload.fileName}</span>
          </span>
          <IconButton
            label={`Remove ${upload.service} ${upload.operation} of ${upload.fileName}`}
            icon={<Trash2 size={14} />}
            onClick={() => forget([upload.traceId])}
          />
        </li>
      ))}
    </ul>
  );
}

/** Says of a trace that it is from a file; nothing for those of the server. */
export function UploadBadge({ traceId }: { readonly traceId: string }) {
  const upload = useUploads((state) => state.uploads.find((one) => one.traceId === traceId));
  if (!upload) return null;
  return (
    <span className={styles.badge}>
      <FileUp size={13} aria-hidden />
      from file {upload.fileName}, not stored here
    </span>
  );
}
