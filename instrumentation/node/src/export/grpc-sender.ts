/**
 * OTLP over gRPC: one unary call a request, straight on Node's HTTP/2.
 *
 * A unary call is one framed message each way and a status in the trailers; the gRPC library would
 * add its load time and memory to every service for that.
 */
import {
  connect,
  constants,
  type ClientHttp2Session,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";
import { promisify } from "node:util";
import { gzip } from "node:zlib";

import {
  describeError,
  readCertificates,
  readPartialSuccess,
  type Outcome,
  type Sender,
  type Target,
} from "./delivery.js";

const compress = promisify(gzip);
const METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const FRAME_BYTES = 5;
/** The codes the specification of OTLP names retryable, with the word for each. */
const RETRYABLE: Readonly<Record<string, string>> = {
  "1": "CANCELLED",
  "4": "DEADLINE_EXCEEDED",
  "8": "RESOURCE_EXHAUSTED",
  "10": "ABORTED",
  "11": "OUT_OF_RANGE",
  "14": "UNAVAILABLE",
  "15": "DATA_LOSS",
};
const REFUSALS: Readonly<Record<string, string>> = {
  "3": "INVALID_ARGUMENT",
  "7": "PERMISSION_DENIED; set OTEL_EXPORTER_OTLP_HEADERS",
  "12": "UNIMPLEMENTED; it takes no traces over gRPC here",
  "16": "UNAUTHENTICATED; set OTEL_EXPORTER_OTLP_HEADERS",
};

export class GrpcSender implements Sender {
  private session: ClientHttp2Session | undefined;
  /** Whether there ever was an answer over HTTP/2: then a lost connection is just that. */
  private hasAnswered = false;
  private readonly certificates;

  constructor(private readonly target: Target) {
    this.certificates = readCertificates(target);
  }

  async send(body: Buffer, timeoutMillis: number): Promise<Outcome> {
    try {
      const isCompressed = this.target.compression === "gzip";
      return await this.call(
        frame(isCompressed ? await compress(body) : body, isCompressed),
        isCompressed,
        timeoutMillis,
      );
    } catch (error) {
      this.close();
      const reason = this.hasAnswered ? describeError(error) : describeFirstError(error);
      return { kind: "retry", reason };
    }
  }

  private call(framed: Buffer, isCompressed: boolean, timeoutMillis: number): Promise<Outcome> {
    const session = this.connect();
    return new Promise((resolve, reject) => {
      const lost = (error?: Error): void => reject(error ?? new Error("the connection was closed"));
      session.once("error", lost);
      session.once("close", lost);
      // The session keeps the process alive while it works, and only then.
      session.ref();
      const stream = session.request(this.requestHeaders(isCompressed, timeoutMillis));
      const timer = setTimeout(() => {
        stream.close(constants.NGHTTP2_CANCEL);
        reject(new Error(`no answer within ${timeoutMillis} ms`));
      }, timeoutMillis);
      let headers: IncomingHttpHeaders = {};
      const chunks: Buffer[] = [];
      stream.on("response", (received) => {
        headers = received;
        this.hasAnswered = true;
      });
      stream.on(
        "trailers",
        (received) => (headers = { ...headers, ...(received as IncomingHttpHeaders) }),
      );
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("error", reject);
      stream.on("close", () => {
        clearTimeout(timer);
        session.off("error", lost);
        session.off("close", lost);
        session.unref();
        resolve(judge(headers, Buffer.concat(chunks)));
      });
      stream.end(framed);
    });
  }

  private requestHeaders(isCompressed: boolean, timeoutMillis: number): OutgoingHttpHeaders {
    return {
      "user-agent": "ananta-tracing-node",
      ...lowerCased(this.target.headers),
      [constants.HTTP2_HEADER_METHOD]: "POST",
      [constants.HTTP2_HEADER_PATH]: METHOD,
      "content-type": "application/grpc",
      te: "trailers",
      "grpc-timeout": `${Math.ceil(timeoutMillis)}m`,
      ...(isCompressed && { "grpc-encoding": "gzip" }),
    };
  }

  private connect(): ClientHttp2Session {
    if (this.session !== undefined && !this.session.closed && !this.session.destroyed) {
      return this.session;
    }
    const session = connect(this.target.endpoint, this.certificates);
    session.on("error", () => this.forget(session));
    session.on("goaway", () => this.forget(session));
    session.on("close", () => this.forget(session));
    this.session = session;
    return session;
  }

  private forget(session: ClientHttp2Session): void {
    if (this.session === session) this.session = undefined;
  }

  close(): void {
    this.session?.destroy();
    this.session = undefined;
  }
}

/** A gRPC message: whether it is compressed, its length, its bytes. */
function frame(body: Buffer, isCompressed: boolean): Buffer {
  const framed = Buffer.allocUnsafe(FRAME_BYTES + body.length);
  framed[0] = isCompressed ? 1 : 0;
  framed.writeUInt32BE(body.length, 1);
  body.copy(framed, FRAME_BYTES);
  return framed;
}

function judge(headers: IncomingHttpHeaders, answer: Buffer): Outcome {
  const code = headers["grpc-status"] as string | undefined;
  const message = decodeMessage(headers["grpc-message"]);
  if (code === "0")
    return { kind: "delivered", ...readPartialSuccess(answer.subarray(FRAME_BYTES)) };
  if (code === undefined) {
    const status = headers[constants.HTTP2_HEADER_STATUS];
    const reason =
      status === undefined
        ? "the collector closed the call without an answer"
        : `the server answers HTTP ${String(status)} and not gRPC; is this its OTLP/gRPC port?`;
    return status === undefined || Number(status) >= 500 || Number(status) === 429
      ? { kind: "retry", reason }
      : { kind: "refused", reason };
  }
  const name = RETRYABLE[code] ?? REFUSALS[code] ?? `gRPC status ${code}`;
  const reason = `the collector answers ${name}${message && `: ${message}`}`;
  return code in RETRYABLE ? { kind: "retry", reason } : { kind: "refused", reason };
}

function decodeMessage(message: string | string[] | undefined): string {
  if (typeof message !== "string") return "";
  try {
    return decodeURIComponent(message);
  } catch {
    return message;
  }
}

function describeFirstError(error: unknown): string {
  const { code, message = "" } = error as { code?: string; message?: string };
  if (code === "ERR_HTTP2_ERROR" || /protocol error|nghttp2/i.test(message)) {
    return "the server does not speak gRPC; use OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf and port 4318";
  }
  return describeError(error);
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}
