/**
 * The way of a span out of the process: encoded when it ends, queued as bytes, sent in batches.
 *
 * The queue is bounded and what does not fit is counted. A collector that is absent costs one
 * warning, and one line when it is back. A flush has a deadline of its own and says whether
 * everything was delivered.
 */
import { context, ROOT_CONTEXT, TraceFlags } from "@opentelemetry/api";
import type { Resource } from "@opentelemetry/resources";
import type { ReadableSpan, SpanProcessor } from "@opentelemetry/sdk-trace";

import { within } from "../deadline.js";
import { warn } from "../log.js";
import type { BatchLimits } from "../settings/index.js";
import type { Outcome, Sender } from "./delivery.js";
import {
  encodeRequest,
  encodeResource,
  encodeScope,
  encodeSpan,
  type EncodedScope,
} from "./encoding.js";

const FIRST_BACKOFF_MILLIS = 1000;
const MAX_BACKOFF_MILLIS = 30_000;

/** What became of the spans so far. */
export interface ExportCounts {
  delivered: number;
  /** The queue was full. */
  dropped: number;
  /** The collector would not have them. */
  refused: number;
}

type Scope = ReadableSpan["instrumentationScope"];

interface Queued {
  readonly span: Buffer;
  readonly scope: Scope;
}

export class ExportProcessor implements SpanProcessor {
  readonly counts: ExportCounts = { delivered: 0, dropped: 0, refused: 0 };
  private queue: Queued[] = [];
  /** The spans of the request that is being sent. */
  private sending: readonly Queued[] = [];
  private timer: NodeJS.Timeout | undefined;
  private round: Promise<Outcome | undefined> | undefined;
  private backoffMillis = 0;
  private isFailing = false;
  private isShutDown = false;
  private isClosed = false;
  private resource: { bytes: Buffer; schemaUrl: string } | undefined;
  private lastResource: Resource | undefined;
  private readonly scopes = new WeakMap<Scope, Buffer>();

  constructor(
    private readonly sender: Sender,
    private readonly limits: BatchLimits,
    private readonly timeoutMillis: number,
    private readonly endpoint: string,
  ) {}

  onStart(): void {
    // A span is of interest when it ends.
  }

  onEnd(span: ReadableSpan): void {
    if (this.isShutDown || (span.spanContext().traceFlags & TraceFlags.SAMPLED) === 0) return;
    this.lastResource = span.resource;
    if (this.queue.length + this.sending.length >= this.limits.maxQueueSize) {
      this.drop();
      return;
    }
    this.queue.push({ span: encodeSpan(span), scope: span.instrumentationScope });
    if (this.queue.length === this.limits.maxExportBatchSize && this.backoffMillis === 0) {
      this.schedule(0);
    } else if (this.timer === undefined && this.round === undefined) {
      this.schedule(this.backoffMillis || this.limits.scheduleDelayMillis);
    }
  }

  /** Spans that are not delivered yet. */
  get pending(): number {
    return this.queue.length + this.sending.length;
  }

  /** Everything that is not delivered yet as one request, and forgets it. */
  takePending(): Buffer | undefined {
    const spans = [...this.sending, ...this.queue];
    this.queue = [];
    if (spans.length === 0 || this.lastResource === undefined) return undefined;
    return this.encode(spans);
  }

  /** Sends what is queued. Rejects where it could not be, as the SDK expects. */
  async forceFlush(): Promise<void> {
    if (!(await this.flush(this.limits.exportTimeoutMillis))) {
      throw new Error(`spans could not be delivered to ${this.endpoint}`);
    }
  }

  /** Sends what is queued now; true when all of it was delivered within the time. */
  async flush(timeoutMillis: number): Promise<boolean> {
    const deadline = Date.now() + timeoutMillis;
    const rest = (): number => deadline - Date.now();
    const refused = this.counts.refused + this.counts.dropped;
    while (this.pending > 0) {
      if (rest() <= 0) return false;
      const round = this.round ?? this.startRound(Math.min(this.timeoutMillis, rest()));
      const outcome = await within(round, rest());
      if (outcome === "late" || outcome?.kind === "retry") return false;
    }
    return this.counts.refused + this.counts.dropped === refused;
  }

  async shutdown(): Promise<void> {
    if (this.isShutDown) return;
    this.isShutDown = true;
    await this.flush(this.limits.exportTimeoutMillis);
    this.close();
  }

  /** Ends all work at once. */
  close(): void {
    this.isShutDown = this.isClosed = true;
    clearTimeout(this.timer);
    this.sender.close();
  }

  private schedule(delayMillis: number): void {
    if (this.round !== undefined) return;
    clearTimeout(this.timer);
    // Outside of the request that happens to end this span: its context must not live on here.
    context.with(ROOT_CONTEXT, () => {
      this.timer = setTimeout(() => void this.startRound(this.timeoutMillis), delayMillis);
    });
    if (delayMillis > 0) this.timer?.unref();
  }

  /** Sends one batch. */
  private startRound(timeoutMillis: number): Promise<Outcome | undefined> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.round ??= context
      .with(ROOT_CONTEXT, () => this.sendBatch(timeoutMillis))
      .finally(() => {
        this.round = undefined;
        if (this.queue.length === 0 || this.isClosed) return;
        const isFull = this.queue.length >= this.limits.maxExportBatchSize;
        this.schedule(this.backoffMillis || (isFull ? 0 : this.limits.scheduleDelayMillis));
      });
    return this.round;
  }

  private async sendBatch(timeoutMillis: number): Promise<Outcome | undefined> {
    const batch = this.queue.slice(0, this.limits.maxExportBatchSize);
    if (batch.length === 0) return undefined;
    this.queue = this.queue.slice(batch.length);
    this.sending = batch;
    await this.lastResource?.waitForAsyncAttributes?.();
    const outcome = await this.sender.send(this.encode(batch), timeoutMillis);
    this.sending = [];
    this.settle(batch, outcome);
    return outcome;
  }

  private settle(batch: readonly Queued[], outcome: Outcome): void {
    if (outcome.kind === "retry") {
      this.queue = [...batch, ...this.queue];
      this.backoffMillis =
        outcome.afterMillis ??
        Math.min(MAX_BACKOFF_MILLIS, this.backoffMillis * 2 || FIRST_BACKOFF_MILLIS);
      this.warnOnce(
        `${outcome.reason}; up to ${this.limits.maxQueueSize} spans are kept until it answers, ` +
          "further ones are dropped. `npx @ananta/tracing doctor` looks for the reason",
      );
      return;
    }
    this.backoffMillis = 0;
    if (outcome.kind === "refused") {
      this.counts.refused += batch.length;
      this.warnOnce(`${outcome.reason}; its spans are dropped`);
      return;
    }
    this.counts.delivered += batch.length - outcome.rejectedSpans;
    this.counts.refused += outcome.rejectedSpans;
    if (outcome.rejectedSpans > 0) {
      this.warnOnce(`the collector refused ${outcome.rejectedSpans} spans: ${outcome.message}`);
    } else if (this.isFailing) {
      this.isFailing = false;
      const { dropped, refused } = this.counts;
      const lost = dropped + refused > 0 ? `; ${dropped + refused} were lost` : "";
      warn(`spans are delivered to ${this.endpoint} again${lost}`);
    }
  }

  private drop(): void {
    this.counts.dropped += 1;
    if (this.counts.dropped === 1 && !this.isFailing) {
      warn(
        `spans are dropped: more than ${this.limits.maxQueueSize} wait to be sent. ` +
          "Raise OTEL_BSP_MAX_QUEUE_SIZE, or sample fewer traces",
      );
    }
  }

  private warnOnce(message: string): void {
    if (!this.isFailing && !this.isClosed) warn(`spans do not reach ${this.endpoint}: ${message}`);
    this.isFailing = true;
  }

  private encode(spans: readonly Queued[]): Buffer {
    const resource = this.encodedResource();
    const scopes = new Map<Scope, EncodedScope & { spans: Buffer[] }>();
    for (const { scope, span } of spans) {
      let group = scopes.get(scope);
      if (group === undefined) {
        group = { scope: this.encodedScope(scope), schemaUrl: scope.schemaUrl ?? "", spans: [] };
        scopes.set(scope, group);
      }
      group.spans.push(span);
    }
    return encodeRequest(resource.bytes, resource.schemaUrl, scopes.values());
  }

  private encodedScope(scope: Scope): Buffer {
    let bytes = this.scopes.get(scope);
    if (bytes === undefined) this.scopes.set(scope, (bytes = encodeScope(scope)));
    return bytes;
  }

  /** The resource is encoded once, when nothing of it is still being found. */
  private encodedResource(): { bytes: Buffer; schemaUrl: string } {
    if (this.resource !== undefined) return this.resource;
    const resource = this.lastResource!;
    const encoded = { bytes: encodeResource(resource), schemaUrl: resource.schemaUrl ?? "" };
    if (resource.asyncAttributesPending !== true) this.resource = encoded;
    return encoded;
  }
}
