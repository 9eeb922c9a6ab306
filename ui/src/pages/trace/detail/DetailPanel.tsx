/** Everything about one span, beside the waterfall. */

import { ChevronDown, ChevronUp, X } from "lucide-react";
import type { RefObject } from "react";
import { Link } from "wouter";
import type { ServiceColor } from "@/model/colors";
import { nameOf, serviceOf } from "@/model/traceData";
import { IconButton } from "@/parts/Button";
import { CopyButton } from "@/parts/CopyButton";
import { ServiceMark } from "@/parts/ServiceMark";
import { linkTo, useUrl } from "@/url/location";
import { usePreferences } from "../preferences";
import { nextRow, select, useTraceView, writeView } from "../store";
import { Divider } from "../waterfall/Divider";
import { focusLineSoon } from "../waterfall/gridKeys";
import { AttributeGroups } from "./AttributeGroups";
import { Events } from "./Events";
import { Failure } from "./Failure";
import { Links } from "./Links";
import { RawJson } from "./RawJson";
import { Section } from "./Section";
import { SpanFacts } from "./SpanFacts";
import styles from "./DetailPanel.module.css";

const NARROWEST_PIXELS = 300;
const WIDEST_PIXELS = 1100;

interface DetailPanelProps {
  readonly panel: RefObject<HTMLElement | null>;
  readonly row: number;
  readonly colors: ReadonlyMap<string, ServiceColor>;
}

export function DetailPanel({ panel, row, colors }: DetailPanelProps) {
  const { trace } = useTraceView();
  const detailWidth = usePreferences(({ detailWidth }) => detailWidth);
  const set = usePreferences(({ set }) => set);
  const warnings = trace.warnings(row);
  return (
    <div className={styles.place} style={{ width: detailWidth }}>
      <div className={styles.divider}>
        <Divider
          label="Width of the detail"
          value={detailWidth}
          min={NARROWEST_PIXELS}
          max={WIDEST_PIXELS}
          step={20}
          reversed
          valueAt={(clientX) => panel.current!.getBoundingClientRect().right - clientX}
          onMove={(width) => set({ detailWidth: width })}
        />
      </div>
      <aside
        ref={panel}
        className={styles.panel}
        tabIndex={-1}
        aria-label={`Span ${nameOf(trace, row)} of ${serviceOf(trace, row)}`}
      >
        <Head row={row} colors={colors} />
        <div className={styles.content} tabIndex={0} role="region" aria-label="Span detail">
          <Failure row={row} />
          <SpanFacts row={row} />
          {warnings.length ? (
            <Section title="Warnings" count={warnings.length} tone="warning">
              <ul className={styles.warnings}>
                {warnings.map((warning, index) => (
                  <li key={index}>{warning}</li>
                ))}
              </ul>
            </Section>
          ) : null}
          <AttributeGroups key={row} row={row} />
          <Events row={row} />
          <Links row={row} />
          <RawJson row={row} />
        </div>
      </aside>
    </div>
  );
}

function Head({ row, colors }: Pick<DetailPanelProps, "row" | "colors">) {
  const view = useTraceView();
  const { trace, store } = view;
  const url = useUrl();
  const service = serviceOf(trace, row);
  const link = new URL(
    url.link({ ...writeView(trace, store.getState()), sel: trace.spanId(row) }),
    globalThis.location.href,
  ).href;
  const close = () => {
    store.setState({ selected: null });
    focusLineSoon();
  };
  return (
    <header className={styles.head}>
      <div className={styles.names}>
        <Link className={styles.service} href={linkTo("/services", { service })}>
          <ServiceMark color={colors.get(service)!} />
          {service}
        </Link>
        <h2>{nameOf(trace, row)}</h2>
      </div>
      <div className={styles.tools}>
        <IconButton
          label="Previous span"
          icon={<ChevronUp size={16} />}
          onClick={() => select(view, nextRow(view, row, false, anyRow))}
        />
        <IconButton
          label="Next span"
          icon={<ChevronDown size={16} />}
          onClick={() => select(view, nextRow(view, row, true, anyRow))}
        />
        <CopyButton text={link} label="Copy a link to this span (y)" />
        <IconButton label="Close the detail (Esc)" icon={<X size={16} />} onClick={close} />
      </div>
    </header>
  );
}

function anyRow(): boolean {
  return true;
}
