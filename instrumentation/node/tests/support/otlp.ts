/** OTLP bytes as plain objects, decoded by protobufjs: what any collector would see. */
import protobuf from "protobufjs";

import { OTLP_PROTO } from "./otlp.proto.js";

const { root } = protobuf.parse(OTLP_PROTO, { keepCase: false });
const Request = root.lookupType("ExportTraceServiceRequest");
const Response = root.lookupType("ExportTraceServiceResponse");

export type Value = string | boolean | number | Value[];

export interface ReceivedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for a root. */
  readonly parentId: string;
  readonly kind: "internal" | "server" | "client" | "producer" | "consumer";
  readonly attributes: Readonly<Record<string, Value>>;
  readonly events: readonly {
    readonly name: string;
    readonly attributes: Readonly<Record<string, Value>>;
  }[];
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status: { readonly code: number; readonly message: string };
  readonly resource: Readonly<Record<string, Value>>;
  readonly scope: string;
  readonly startNanos: bigint;
  readonly endNanos: bigint;
}

const KINDS = ["internal", "internal", "server", "client", "producer", "consumer"] as const;

/** The whole request, every field as it came. */
export function decodeRequest(body: Uint8Array): Record<string, unknown> {
  return Request.toObject(Request.decode(body), { longs: String, bytes: String });
}

export function decodeSpans(body: Uint8Array): ReceivedSpan[] {
  const request = Request.toObject(Request.decode(body), { longs: String, arrays: true }) as any;
  return request.resourceSpans.flatMap((ofResource: any) =>
    ofResource.scopeSpans.flatMap((ofScope: any) =>
      ofScope.spans.map((span: any): ReceivedSpan => ({
        name: span.name,
        traceId: hex(span.traceId),
        spanId: hex(span.spanId),
        parentId: hex(span.parentSpanId),
        kind: KINDS[span.kind as number]!,
        attributes: attributes(span.attributes),
        events: span.events.map((event: any) => ({
          name: event.name,
          attributes: attributes(event.attributes),
        })),
        links: span.links.map((link: any) => ({
          traceId: hex(link.traceId),
          spanId: hex(link.spanId),
        })),
        status: { code: span.status?.code ?? 0, message: span.status?.message ?? "" },
        resource: attributes(ofResource.resource.attributes),
        scope: ofScope.scope.name,
        startNanos: BigInt(span.startTimeUnixNano),
        endNanos: BigInt(span.endTimeUnixNano),
      })),
    ),
  );
}

export function encodeResponse(rejectedSpans: number, errorMessage: string): Buffer {
  const partialSuccess = { rejectedSpans, errorMessage };
  return Buffer.from(
    Response.encode(Response.fromObject(rejectedSpans > 0 ? { partialSuccess } : {})).finish(),
  );
}

function hex(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? "" : Buffer.from(bytes).toString("hex");
}

function attributes(pairs: any[] = []): Record<string, Value> {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, plain(value)]));
}

function plain(value: any): Value {
  if (value.stringValue !== undefined) return value.stringValue;
  if (value.boolValue !== undefined) return value.boolValue;
  if (value.intValue !== undefined) return Number(value.intValue);
  if (value.doubleValue !== undefined) return value.doubleValue;
  return (value.arrayValue?.values ?? []).map(plain);
}
