/** OTLP over HTTP: one POST a request. */
import { request as requestHttp, Agent as HttpAgent, type IncomingMessage } from "node:http";
import { request as requestHttps, Agent as HttpsAgent } from "node:https";
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
const RETRYABLE = new Set([408, 429, 502, 503, 504]);
const MAX_ANSWER_BYTES = 64 * 1024;

export class HttpSender implements Sender {
  private readonly url: URL;
  private readonly agent: HttpAgent;
  // Taken when this module is loaded, which is before anything is instrumented: an export is no span.
  private readonly request: typeof requestHttp;

  constructor(private readonly target: Target) {
    this.url = new URL(target.endpoint);
    const isSecure = this.url.protocol === "https:";
    this.request = isSecure ? requestHttps : requestHttp;
    const options = { keepAlive: true, maxSockets: 1 };
    this.agent = isSecure
      ? new HttpsAgent({ ...options, ...readCertificates(target) })
      : new HttpAgent(options);
  }

  async send(body: Buffer, timeoutMillis: number): Promise<Outcome> {
    const isCompressed = this.target.compression === "gzip";
    try {
      return await this.post(
        isCompressed ? await compress(body) : body,
        isCompressed,
        timeoutMillis,
      );
    } catch (error) {
      return { kind: "retry", reason: describeError(error) };
    }
  }

  private post(body: Buffer, isCompressed: boolean, timeoutMillis: number): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const request = this.request(this.url, {
        method: "POST",
        agent: this.agent,
        headers: {
          "user-agent": "ananta-tracing-node",
          ...this.target.headers,
          "content-type": "application/x-protobuf",
          "content-length": body.length,
          ...(isCompressed && { "content-encoding": "gzip" }),
        },
      });
      const timer = setTimeout(() => {
        request.destroy(new Error(`no answer within ${timeoutMillis} ms`));
      }, timeoutMillis);
      request.on("close", () => clearTimeout(timer));
      request.on("error", reject);
      request.on("response", (response) => {
        readBody(response).then((answer) => resolve(this.judge(response, answer)), reject);
      });
      request.end(body);
    });
  }

  private judge(response: IncomingMessage, answer: Buffer): Outcome {
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return { kind: "delivered", ...readPartialSuccess(answer) };
    if (RETRYABLE.has(status)) {
      const seconds = Number(response.headers["retry-after"]);
      const reason = `the collector answers ${status}`;
      return { kind: "retry", reason, ...(seconds > 0 && { afterMillis: seconds * 1000 }) };
    }
    return { kind: "refused", reason: `the collector answers ${status}${this.advice(status)}` };
  }

  private advice(status: number): string {
    if (status === 401 || status === 403) return "; set OTEL_EXPORTER_OTLP_HEADERS";
    if (status === 404 || status === 405) {
      return `; is ${this.url.pathname} the path of its traces? OTEL_EXPORTER_OTLP_ENDPOINT gets /v1/traces appended`;
    }
    if (status === 413) return "; lower OTEL_BSP_MAX_EXPORT_BATCH_SIZE";
    return "";
  }

  close(): void {
    this.agent.destroy();
  }
}

async function readBody(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= MAX_ANSWER_BYTES) chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
