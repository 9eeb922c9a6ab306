/** A collector for tests: takes OTLP over HTTP or gRPC on a port of its own, and keeps the spans. */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";

import {
  Server as GrpcServer,
  ServerCredentials,
  type Metadata,
  type sendUnaryData,
} from "@grpc/grpc-js";

import { decodeSpans, encodeResponse, type ReceivedSpan } from "./otlp.js";

/** How the collector answers; it takes everything unless told otherwise. */
export interface Behaviour {
  /** Of HTTP. */
  status?: number;
  /** Of gRPC. */
  code?: number;
  rejectedSpans?: number;
  delayMillis?: number;
}

export abstract class Sink {
  readonly spans: ReceivedSpan[] = [];
  readonly bodies: Buffer[] = [];
  readonly headers: Record<string, unknown>[] = [];
  behaviour: Behaviour = {};
  requests = 0;
  abstract readonly endpoint: string;
  abstract close(): Promise<void>;

  protected take(body: Buffer, headers: Record<string, unknown>): void {
    this.requests += 1;
    this.headers.push(headers);
    const { status = 200, code = 0 } = this.behaviour;
    if (status !== 200 || code !== 0) return;
    this.bodies.push(body);
    this.spans.push(...decodeSpans(body));
  }

  named(name: string): ReceivedSpan[] {
    return this.spans.filter((span) => span.name === name);
  }

  /** Returns when so many spans have arrived. */
  async waitFor(count: number, timeoutMillis = 10_000): Promise<readonly ReceivedSpan[]> {
    const deadline = Date.now() + timeoutMillis;
    while (this.spans.length < count) {
      if (Date.now() > deadline) {
        throw new Error(
          `${this.spans.length} of ${count} spans arrived: ${this.spans.map(({ name }) => name).join(", ")}`,
        );
      }
      await sleep(10);
    }
    return this.spans;
  }
}

export const sleep = (millis: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, millis));

/** What a server needs for TLS. */
export interface Identity {
  readonly key: Buffer;
  readonly cert: Buffer;
}

export async function startHttpSink(port = 0, identity?: Identity): Promise<Sink> {
  const sink = new HttpSink(identity);
  await sink.listen(port);
  return sink;
}

export async function startGrpcSink(port = 0, identity?: Identity): Promise<Sink> {
  const sink = new GrpcSink(identity);
  await sink.listen(port);
  return sink;
}

class HttpSink extends Sink {
  private readonly server: Server;

  constructor(private readonly identity: Identity | undefined) {
    super();
    const answer = this.answer.bind(this);
    this.server =
      identity === undefined ? createServer(answer) : createSecureServer(identity, answer);
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      const { status = 200, rejectedSpans = 0, delayMillis = 0 } = this.behaviour;
      setTimeout(() => {
        this.receive(request.url, request.headers, body);
        response.writeHead(status, { "content-type": "application/x-protobuf" });
        response.end(encodeResponse(rejectedSpans, "too old"));
      }, delayMillis).unref();
    });
  }

  private receive(url: string | undefined, headers: IncomingHttpHeaders, body: Buffer): void {
    if (url !== "/v1/traces") throw new Error(`unexpected path ${url}`);
    this.take(headers["content-encoding"] === "gzip" ? gunzipSync(body) : body, headers);
  }

  listen(port: number): Promise<void> {
    return new Promise((resolve) => this.server.listen(port, "127.0.0.1", resolve));
  }

  get endpoint(): string {
    const scheme = this.identity === undefined ? "http" : "https";
    return `${scheme}://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }
}

const identity = (bytes: Buffer): Buffer => bytes;

class GrpcSink extends Sink {
  private readonly server = new GrpcServer();
  private port = 0;

  constructor(private readonly identity: Identity | undefined) {
    super();
  }

  listen(wanted: number): Promise<void> {
    const path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    const definition = {
      Export: {
        path,
        requestStream: false,
        responseStream: false,
        requestSerialize: identity,
        requestDeserialize: identity,
        responseSerialize: identity,
        responseDeserialize: identity,
      },
    };
    this.server.addService(definition, {
      Export: (call: { request: Buffer; metadata: Metadata }, answer: sendUnaryData<Buffer>) => {
        const { code = 0, rejectedSpans = 0, delayMillis = 0 } = this.behaviour;
        setTimeout(() => {
          this.take(call.request, call.metadata.getMap());
          if (code === 0) answer(null, encodeResponse(rejectedSpans, "too old"));
          else answer({ code, details: "planted" });
        }, delayMillis).unref();
      },
    });
    return new Promise((resolve, reject) => {
      const credentials =
        this.identity === undefined
          ? ServerCredentials.createInsecure()
          : ServerCredentials.createSsl(null, [
              { private_key: this.identity.key, cert_chain: this.identity.cert },
            ]);
      this.server.bindAsync(`127.0.0.1:${wanted}`, credentials, (error, port) => {
        this.port = port;
        if (error) reject(error);
        else resolve();
      });
    });
  }

  get endpoint(): string {
    return `${this.identity === undefined ? "http" : "https"}://127.0.0.1:${this.port}`;
  }

  async close(): Promise<void> {
    this.server.forceShutdown();
  }
}
