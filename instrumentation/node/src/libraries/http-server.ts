/**
 * A span for each incoming HTTP request, with the attributes of the stable conventions.
 *
 * Most of the cost of tracing a small service is here, so this stands in for the server half of
 * `@opentelemetry/instrumentation-http`: the attributes are gathered only for a trace that is kept,
 * and only a request with a body has its events bound to the span. It patches `Server.prototype`
 * of Node itself, so it works in bundles and native modules without a loader hook.
 */
import { errorMonitor } from "node:events";
import http, { type IncomingMessage, type Server, type ServerResponse } from "node:http";
import https from "node:https";

import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Tracer,
  type TracerProvider,
} from "@opentelemetry/api";
import {
  getRPCMetadata,
  RPCType,
  setRPCMetadata,
  suppressTracing,
  type RPCMetadata,
} from "@opentelemetry/core";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";

import { markError } from "../helpers/spans.js";
import type { Settings } from "../settings/index.js";
import { captureHeaders, forgetExcludedUrls, isExcluded } from "./request-rules.js";

type Emit = (event: string | symbol, ...values: unknown[]) => boolean;

const KNOWN_METHODS = new Set([
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "CONNECT",
  "OPTIONS",
  "TRACE",
  "PATCH",
  "QUERY",
]);
const SCOPE = "@ananta/tracing/http";

/** Traces the servers of this process from now on; returns what undoes it. */
export function instrumentHttpServer(settings: Settings, provider: TracerProvider): () => void {
  const tracer = provider.getTracer(SCOPE);
  const undo = [
    patch(http.Server.prototype, { scheme: "http", settings, tracer }),
    patch(https.Server.prototype, { scheme: "https", settings, tracer }),
    forgetExcludedUrls,
  ];
  return () => undo.forEach((each) => each());
}

/** What requests of one scheme are traced with. */
interface Tracing {
  readonly scheme: "http" | "https";
  readonly settings: Settings;
  readonly tracer: Tracer;
}

function patch(prototype: Server | https.Server, tracing: Tracing): () => void {
  const patched = prototype as { emit: Emit };
  const original = patched.emit;
  const emit: Emit = function (this: unknown, event, ...values) {
    if (event !== "request") return original.call(this, event, ...values);
    const [request, response] = values as [IncomingMessage, ServerResponse];
    const proceed = (): boolean => original.call(this, event, ...values);
    return serve(request, response, tracing, proceed);
  };
  patched.emit = emit;
  return () => {
    if (patched.emit === emit) patched.emit = original;
  };
}

function serve(
  request: IncomingMessage,
  response: ServerResponse,
  { scheme, settings, tracer }: Tracing,
  proceed: () => boolean,
): boolean {
  // Another copy of this instrumentation, or a server that hands its requests on, saw it already.
  if (getRPCMetadata(context.active())?.span.isRecording() === true) return proceed();
  const url = request.url ?? "/";
  if (isExcluded(url, settings)) {
    const suppressed = suppressTracing(context.active());
    if (hasBody(request)) context.bind(suppressed, request);
    return context.with(suppressed, proceed);
  }
  const parent = propagation.extract(ROOT_CONTEXT, request.headers);
  const method = request.method ?? "GET";
  const name = KNOWN_METHODS.has(method) ? method : "HTTP";
  const attributes = decisive(request, url, scheme, method);
  const span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, parent);
  const metadata: RPCMetadata = { type: RPCType.HTTP, span };
  const active = setRPCMetadata(trace.setSpan(parent, span), metadata);
  if (hasBody(request)) context.bind(active, request);
  if (span.isRecording()) {
    span.setAttributes(descriptive(request, url, method, settings));
    watch(response, name, metadata, settings);
  }
  return context.with(active, () => {
    try {
      return proceed();
    } catch (error) {
      if (span.isRecording()) markError(span, error, true);
      throw error;
    }
  });
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
}

/** What a sampler may decide by. */
function decisive(
  request: IncomingMessage,
  url: string,
  scheme: string,
  method: string,
): Attributes {
  const query = url.indexOf("?");
  const attributes: Attributes = {
    "http.request.method": KNOWN_METHODS.has(method) ? method : "_OTHER",
    "url.scheme": scheme,
    "url.path": query < 0 ? url : url.slice(0, query),
  };
  const { host } = request.headers;
  if (host !== undefined) {
    const colon = host.lastIndexOf(":");
    const hasPort = colon > host.lastIndexOf("]");
    attributes["server.address"] = hasPort ? host.slice(0, colon) : host;
    if (hasPort) attributes["server.port"] = Number(host.slice(colon + 1)) || 0;
  }
  return attributes;
}

function descriptive(
  request: IncomingMessage,
  url: string,
  method: string,
  settings: Settings,
): Attributes {
  const { socket, headers } = request;
  const attributes: Attributes = {
    "network.peer.address": socket.remoteAddress,
    "network.peer.port": socket.remotePort,
    "network.protocol.version": request.httpVersion,
    "user_agent.original": headers["user-agent"],
    "client.address": forwardedFor(headers) ?? socket.remoteAddress,
  };
  const query = url.indexOf("?");
  if (query >= 0 && query < url.length - 1) attributes["url.query"] = url.slice(query + 1);
  if (!KNOWN_METHODS.has(method)) attributes["http.request.method_original"] = method;
  captureHeaders(
    attributes,
    "http.request.header",
    settings.capturedHeaders.serverRequest,
    (header) => headers[header],
  );
  return attributes;
}

function forwardedFor(headers: IncomingMessage["headers"]): string | undefined {
  const { "x-forwarded-for": list, forwarded } = headers;
  if (typeof list === "string") return list.split(",", 1)[0]!.trim();
  return forwarded === undefined ? undefined : /for="?\[?([^";,\]]+)/i.exec(forwarded)?.[1];
}

/** Ends the span when the response is over. */
function watch(
  response: ServerResponse,
  name: string,
  metadata: RPCMetadata,
  settings: Settings,
): void {
  const { span } = metadata;
  response.on(errorMonitor, (error: unknown) => {
    if (span.isRecording()) markError(span, error, true);
  });
  response.on("close", () => {
    const { statusCode } = response;
    const attributes: Attributes = { "http.response.status_code": statusCode };
    if (metadata.route) {
      attributes["http.route"] = metadata.route;
      span.updateName(`${name} ${metadata.route}`);
    }
    if (statusCode >= 500) {
      attributes["error.type"] = String(statusCode);
      // The framework may have told the error already, with its message.
      const told = (span as unknown as Partial<ReadableSpan>).status?.code;
      if (told !== SpanStatusCode.ERROR) span.setStatus({ code: SpanStatusCode.ERROR });
    }
    captureHeaders(
      attributes,
      "http.response.header",
      settings.capturedHeaders.serverResponse,
      (header) => response.getHeader(header),
    );
    span.setAttributes(attributes);
    span.end();
  });
}
