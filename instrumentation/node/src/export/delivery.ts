/** One attempt to hand a request to a collector: what is sent with it, and how it can end. */
import { readFileSync } from "node:fs";
import type { SecureContextOptions } from "node:tls";

import type { Settings } from "../settings/index.js";

/** How an attempt ended. */
export type Outcome =
  | { readonly kind: "delivered"; readonly rejectedSpans: number; readonly message: string }
  /** Worth another attempt, after so many milliseconds if the collector said so. */
  | { readonly kind: "retry"; readonly reason: string; readonly afterMillis?: number }
  /** The collector will never take these spans. */
  | { readonly kind: "refused"; readonly reason: string };

/** Where and how to send: plain data, so that it can be handed to another process. */
export interface Target {
  readonly endpoint: string;
  readonly protocol: Settings["protocol"];
  readonly headers: Readonly<Record<string, string>>;
  readonly compression: Settings["compression"];
  readonly certificate: string;
  readonly clientKey: string;
  readonly clientCertificate: string;
}

/** Sends requests to one target over a connection it keeps. */
export interface Sender {
  /** Never rejects. */
  send(body: Buffer, timeoutMillis: number): Promise<Outcome>;
  close(): void;
}

export function targetOf(settings: Settings): Target {
  const { endpoint, protocol, headers, compression } = settings;
  const { certificate, clientKey, clientCertificate } = settings;
  return { endpoint, protocol, headers, compression, certificate, clientKey, clientCertificate };
}

/** The sender for the protocol of the target. Throws where a PEM file cannot be read. */
export function createSender(target: Target): Sender {
  if (target.protocol === "grpc") {
    const { GrpcSender } = require("./grpc-sender.js") as typeof import("./grpc-sender.js");
    return new GrpcSender(target);
  }
  const { HttpSender } = require("./http-sender.js") as typeof import("./http-sender.js");
  return new HttpSender(target);
}

/** The PEM files of the target, for TLS. */
export function readCertificates(target: Target): SecureContextOptions {
  return {
    ...(target.certificate && { ca: readFileSync(target.certificate) }),
    ...(target.clientKey && { key: readFileSync(target.clientKey) }),
    ...(target.clientCertificate && { cert: readFileSync(target.clientCertificate) }),
  };
}

/** The answer of the collector: how many spans of the request it refused, and why. */
export function readPartialSuccess(body: Buffer): { rejectedSpans: number; message: string } {
  const found = { rejectedSpans: 0, message: "" };
  const outer = fields(body).find(({ number }) => number === 1);
  for (const { number, value } of outer?.value instanceof Buffer ? fields(outer.value) : []) {
    if (number === 1 && typeof value === "number") found.rejectedSpans = value;
    if (number === 2 && value instanceof Buffer) found.message = value.toString("utf8");
  }
  return found;
}

/** The varint and length-delimited fields of a message, up to the first that makes no sense. */
function fields(message: Buffer): { number: number; value: number | Buffer }[] {
  const found: { number: number; value: number | Buffer }[] = [];
  let position = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; position < message.length; factor *= 128) {
      const byte = message[position++]!;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
    }
    return value;
  };
  while (position < message.length) {
    const tag = varint();
    if ((tag & 7) === 0) found.push({ number: tag >> 3, value: varint() });
    else if ((tag & 7) === 2) {
      const length = varint();
      found.push({ number: tag >> 3, value: message.subarray(position, position + length) });
      position += length;
    } else break;
  }
  return found;
}

/** What an error of the network means, in the words of a person. */
export function describeError(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  if (code === "EPROTO" || code?.startsWith("ERR_SSL_") === true) {
    return "TLS is spoken to a server that has none (write http:// for https://)";
  }
  switch (code) {
    case "ECONNREFUSED":
      return "nothing listens there (ECONNREFUSED)";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `the host name is not known (${code})`;
    case "ECONNRESET":
      return "the connection was closed (ECONNRESET)";
  }
  return (message || code || String(error)).trim().split("\n")[0]!;
}
