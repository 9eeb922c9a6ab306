/** A value as it is best read: laid out where it has a structure, folded where it is long. */

import { useState } from "react";
import { Link } from "wouter";
import { formatBytes } from "@/model/format";
import type { Attribute } from "@/model/traceData";
import { layOut, valueKind, type ValueKind } from "@/model/values";
import { linkTo } from "@/url/location";
import { useTraceView } from "../store";
import { SpanLink } from "./SpanFacts";
import styles from "./Value.module.css";

const SHOWN_LINES = 12;
const SHOWN_CHARACTERS = 300;
/** A stack tells most when it is whole. */
const SHOWN_OF_STACK = 2048;

export function Value({ attribute }: { readonly attribute: Attribute }) {
  const { trace } = useTraceView();
  const { value } = attribute;
  const kind = valueKind(attribute);
  if (kind === "url") {
    return (
      <a href={value} target="_blank" rel="noreferrer noopener">
        {value}
      </a>
    );
  }
  if (kind === "traceId") {
    return (
      <Link href={linkTo(`/trace/${value.toLowerCase()}`)} className={styles.plain}>
        {value}
      </Link>
    );
  }
  if (kind === "spanId") {
    const row = trace.rowOf(value);
    return (
      <>
        <span className={styles.plain}>{value}</span> {row < 0 ? null : <SpanLink row={row} />}
      </>
    );
  }
  return <Text text={layOut(value, kind)} kind={kind} />;
}

function Text({ text, kind }: { readonly text: string; readonly kind: ValueKind }) {
  const [isOpen, setOpen] = useState(false);
  const folded = kind === "stack" ? text.slice(0, SHOWN_OF_STACK) : fold(text);
  const style = kind === "text" ? styles.plain : styles.structured;
  if (!text) return <span className={styles.empty}>empty</span>;
  return (
    <>
      <span className={style}>
        {isOpen ? text : folded}
        {!isOpen && folded.length < text.length ? "…" : ""}
      </span>
      {folded.length < text.length ? (
        <button type="button" className={styles.more} onClick={() => setOpen(!isOpen)}>
          {isOpen ? "Fold" : `Show all ${formatBytes(text.length)}`}
        </button>
      ) : null}
    </>
  );
}

/** The first lines of a text, so far as they are not too long. */
function fold(text: string): string {
  let end = -1;
  for (let line = 0; line < SHOWN_LINES; line++) {
    end = text.indexOf("\n", end + 1);
    if (end < 0) break;
  }
  return text.slice(0, Math.min(end < 0 ? text.length : end, SHOWN_CHARACTERS));
}
