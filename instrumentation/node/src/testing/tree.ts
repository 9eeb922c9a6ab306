/** Spans as the tree they form, drawn in text. */
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";

/** A span and what it caused, in the order of their starts. */
export interface SpanNode {
  readonly span: ReadableSpan;
  readonly children: readonly SpanNode[];
}

const MAX_VALUE_CHARACTERS = 60;

/** The roots of these spans; one whose parent is not among them is a root as well. */
export function buildTree(spans: readonly ReadableSpan[]): SpanNode[] {
  const nodes = new Map<string, { span: ReadableSpan; children: SpanNode[] }>();
  const sorted = [...spans].sort((left, right) => startOf(left) - startOf(right));
  for (const span of sorted) nodes.set(keyOf(span), { span, children: [] });
  const roots: SpanNode[] = [];
  for (const node of nodes.values()) {
    const parent = parentKeyOf(node.span);
    (parent === undefined ? roots : (nodes.get(parent)?.children ?? roots)).push(node);
  }
  return roots;
}

/**
 * The tree in text, one line a span: name, kind, duration, status, attributes.
 *
 * A remote or missing parent is told on the line of its child.
 */
export function drawTree(spans: readonly ReadableSpan[]): string {
  if (spans.length === 0) return "(no spans)";
  const known = new Set(spans.map(keyOf));
  const lines: string[] = [];
  const draw = (
    { span, children }: SpanNode,
    indent: string,
    isLast: boolean,
    isRoot: boolean,
  ): void => {
    const branch = isRoot ? "" : isLast ? "└─ " : "├─ ";
    const parent = parentKeyOf(span);
    const isOrphan = parent !== undefined && !known.has(parent);
    lines.push(
      `${indent}${branch}${describe(span)}${isOrphan ? ` (parent ${parent.slice(33)} is elsewhere)` : ""}`,
    );
    const deeper = isRoot ? indent : indent + (isLast ? "   " : "│  ");
    children.forEach((child, index) => draw(child, deeper, index === children.length - 1, false));
  };
  buildTree(spans).forEach((root) => draw(root, "", true, true));
  return lines.join("\n");
}

function describe(span: ReadableSpan): string {
  const millis = span.duration[0] * 1e3 + span.duration[1] / 1e6;
  const kind = span.kind === SpanKind.INTERNAL ? "" : ` ${SpanKind[span.kind].toLowerCase()}`;
  const error =
    span.status.code === SpanStatusCode.ERROR
      ? ` ERROR ${span.status.message ?? ""}`.trimEnd()
      : "";
  const attributes = Object.entries(span.attributes)
    .map(([key, value]) => `${key}=${shorten(JSON.stringify(value))}`)
    .join(" ");
  const events = span.events.map(({ name }) => ` !${name}`).join("");
  return `${span.name}${kind} ${millis.toFixed(1)} ms${error}${attributes && ` {${attributes}}`}${events}`;
}

function shorten(text: string): string {
  return text.length <= MAX_VALUE_CHARACTERS ? text : `${text.slice(0, MAX_VALUE_CHARACTERS - 1)}…`;
}

function startOf({ startTime }: ReadableSpan): number {
  return startTime[0] * 1e6 + startTime[1] / 1e3;
}

export function keyOf(span: ReadableSpan): string {
  const { traceId, spanId } = span.spanContext();
  return `${traceId}:${spanId}`;
}

/** Undefined for the root of a trace. */
export function parentKeyOf({ parentSpanContext: parent }: ReadableSpan): string | undefined {
  return parent === undefined ? undefined : `${parent.traceId}:${parent.spanId}`;
}
