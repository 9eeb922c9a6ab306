/** The whole span as OTLP JSON. */

import { useMemo } from "react";
import { spanJson } from "@/model/spanJson";
import { CopyButton } from "@/parts/CopyButton";
import { useTraceView } from "../store";
import { Section } from "./Section";
import styles from "./RawJson.module.css";

const SHOWN_CHARACTERS = 100_000;

export function RawJson({ row }: { readonly row: number }) {
  return (
    <Section title="Span as JSON" folded>
      <Json row={row} />
    </Section>
  );
}

function Json({ row }: { readonly row: number }) {
  const { trace } = useTraceView();
  const json = useMemo(() => spanJson(trace, row), [trace, row]);
  return (
    <div className={styles.json}>
      <div className={styles.copy}>
        <CopyButton text={json} label="Copy the span as JSON" />
      </div>
      <pre tabIndex={0} aria-label="Span as JSON">
        {json.slice(0, SHOWN_CHARACTERS)}
        {json.length > SHOWN_CHARACTERS ? "\n… the copy has all of it" : ""}
      </pre>
    </div>
  );
}
