/** Links of a span to others, and of others to it. */

import { Link } from "wouter";
import { useApi } from "@/api/client";
import { formatTime } from "@/model/time";
import { useSettings } from "@/app/settings";
import { linkTo } from "@/url/location";
import { useTraceView } from "../store";
import { AttributeTable } from "./AttributeGroups";
import { Section } from "./Section";
import { SpanLink } from "./SpanFacts";
import styles from "./Links.module.css";

export function Links({ row }: { readonly row: number }) {
  const { trace } = useTraceView();
  const zone = useSettings((settings) => settings.zone);
  const incoming = useApi("/traces/{trace_id}/linked-from", { trace_id: trace.traceId });
  const spanId = trace.spanId(row);
  const from = (incoming.data ?? []).filter((link) => link.target_span_id === spanId);
  const links = trace.links(row);
  if (!links.length && !from.length) return null;
  return (
    <Section title="Links" count={links.length + from.length}>
      <ul className={styles.links}>
        {links.map((link, index) => (
          <li key={index}>
            <span className={styles.direction}>to</span>{" "}
            {link.traceId === trace.traceId && trace.rowOf(link.spanId) >= 0 ? (
              <SpanLink row={trace.rowOf(link.spanId)} />
            ) : (
              <Link href={linkTo(`/trace/${link.traceId}`, { sel: link.spanId })}>
                <code>
                  {link.traceId} {link.spanId}
                </code>
              </Link>
            )}
            {link.attributes.length ? (
              <AttributeTable
                attributes={link.attributes}
                level="any"
                caption="Attributes of the link"
              />
            ) : null}
          </li>
        ))}
        {from.map((link) => (
          <li key={`${link.trace_id} ${link.span_id}`}>
            <span className={styles.direction}>from</span>{" "}
            <Link href={linkTo(`/trace/${link.trace_id}`, { sel: link.span_id })}>
              {link.service} {link.operation}
            </Link>{" "}
            <span className={styles.direction}>{formatTime(link.start_micros, zone)}</span>
          </li>
        ))}
      </ul>
    </Section>
  );
}
