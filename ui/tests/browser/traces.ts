/** Traces made for a test, sent as any service would: OTLP over HTTP. */

import { randomBytes } from "node:crypto";

export interface TestSpan {
  /** Any text; spans of one trace refer to each other by it. */
  readonly id: string;
  readonly parent?: string;
  readonly service?: string;
  readonly name?: string;
  /** Milliseconds since the trace began. */
  readonly start?: number;
  readonly duration?: number;
  readonly kind?: number;
  readonly error?: string;
  readonly attributes?: Readonly<Record<string, string | number | boolean>>;
  readonly events?: readonly { name: string; at: number; attributes?: Record<string, string> }[];
  readonly links?: readonly { traceId: string; spanId: string }[];
}

const SPANS_A_REQUEST = 10_000;
const PATIENCE_MILLISECONDS = 60_000;

/** A span id of 16 digits for a name. */
export function spanIdOf(id: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const letter of id) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(letter.codePointAt(0)!)) * 0x100000001b3n);
  }
  return hash.toString(16).padStart(16, "0");
}

export function newTraceId(): string {
  return randomBytes(16).toString("hex");
}

/** Sends a trace that began ten seconds ago, and waits until all of it is stored. */
export async function sendTrace(
  platform: { readonly url: string; readonly otlp: string },
  spans: readonly TestSpan[],
  traceId = newTraceId(),
): Promise<string> {
  const begin = BigInt(Date.now() - 10_000) * 1_000_000n;
  for (let first = 0; first < spans.length; first += SPANS_A_REQUEST) {
    const part = spans.slice(first, first + SPANS_A_REQUEST);
    const response = await fetch(`${platform.otlp}/v1/traces`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ resourceSpans: resourceSpans(part, traceId, begin) }),
    });
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  }
  await untilStored(platform.url, traceId, spans.length);
  return traceId;
}

function resourceSpans(spans: readonly TestSpan[], traceId: string, begin: bigint): unknown[] {
  const byService = new Map<string, TestSpan[]>();
  for (const span of spans) {
    const { service = "shop" } = span;
    const known = byService.get(service);
    if (known) known.push(span);
    else byService.set(service, [span]);
  }
  return [...byService].map(([service, ofService]) => ({
    resource: { attributes: attributesOf({ "service.name": service }) },
    scopeSpans: [
      { scope: { name: "tests" }, spans: ofService.map((one) => otlpSpan(one, traceId, begin)) },
    ],
  }));
}

function otlpSpan(given: TestSpan, traceId: string, begin: bigint): unknown {
  const { id, parent, start = 0, duration = 1, error, events = [], links = [] } = given;
  const time = (milliseconds: number) => String(begin + BigInt(Math.round(milliseconds * 1e6)));
  return {
    traceId,
    spanId: spanIdOf(id),
    ...(parent === undefined ? {} : { parentSpanId: spanIdOf(parent) }),
    name: given.name ?? id,
    kind: given.kind ?? 1,
    startTimeUnixNano: time(start),
    endTimeUnixNano: time(start + duration),
    attributes: attributesOf(given.attributes ?? {}),
    events: events.map((event) => ({
      name: event.name,
      timeUnixNano: time(event.at),
      attributes: attributesOf(event.attributes ?? {}),
    })),
    links,
    ...(error === undefined ? {} : { status: { code: 2, message: error } }),
  };
}

function attributesOf(values: Readonly<Record<string, string | number | boolean>>): unknown[] {
  return Object.entries(values).map(([key, value]) => ({ key, value: anyValue(value) }));
}

function anyValue(value: string | number | boolean): unknown {
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "number") return { intValue: String(value) };
  return { stringValue: value };
}

async function untilStored(url: string, traceId: string, count: number): Promise<void> {
  const giveUp = Date.now() + PATIENCE_MILLISECONDS;
  while (Date.now() < giveUp) {
    const response = await fetch(`${url}/api/ananta/v1/traces/${traceId}?limit=1000000`);
    if (response.ok) {
      const buffer = await response.arrayBuffer();
      const length = new DataView(buffer).getUint32(0, true);
      const text = new TextDecoder().decode(new Uint8Array(buffer, 4, length));
      if ((JSON.parse(text) as { count: number }).count >= count) return;
    } else {
      await response.arrayBuffer();
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`the trace ${traceId} of ${count} spans is not stored`);
}

/**
 * A large trace: `services` services call each other in a tree, each span with ten attributes and
 * every hundredth failed.
 */
export function largeTrace(count: number, services = 12): TestSpan[] {
  const spans: TestSpan[] = [];
  for (let number = 0; number < count; number++) {
    const parent = number ? Math.floor((number - 1) / 7) : undefined;
    const start = number ? (number / count) * 9000 : 0;
    spans.push({
      id: `s${number}`,
      ...(parent === undefined ? {} : { parent: `s${parent}` }),
      service: `service-${number % services}`,
      name: `operation-${(number * 31) % 40}`,
      start,
      duration: number ? 0.5 + ((number * 7919) % 1000) / (1 + (number % 50)) : 10_000,
      ...(number % 100 === 99 ? { error: "it failed" } : {}),
      attributes: {
        "http.route": `/v1/things/{id}/${number % 30}`,
        "http.response.status_code": number % 100 === 99 ? 500 : 200,
        "tenant.id": `tenant-${number % 997}`,
        "request.id": `request-${number}`,
        "db.system": number % 3 ? "postgresql" : "redis",
        "db.statement": `SELECT * FROM things WHERE id = ${number % 500}`,
        "thread.id": number % 64,
        "net.peer.name": `host-${number % 40}.example`,
        cached: number % 2 === 0,
        attempt: number % 3,
      },
    });
  }
  return spans;
}
