/**
 * Fastify 4 and 5: the server span carries the route, and the exception a request ended with.
 *
 * Fastify announces each instance on a diagnostics channel, so bundles are seen as well. Whoever
 * wants spans for hooks and handlers gives `FastifyOtelInstrumentation` of `@fastify/otel` in
 * `instrumentations`, and this one steps back.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";

import { context } from "@opentelemetry/api";
import { getRPCMetadata, RPCType } from "@opentelemetry/core";

import { markError, recordError } from "../helpers/spans.js";

interface FastifyRequest {
  readonly routeOptions?: { readonly url?: string };
  readonly routerPath?: string;
}
type Done = () => void;
/** The part of a Fastify instance this module uses. */
export interface FastifyInstance {
  addHook(
    name: "onRequest",
    hook: (request: FastifyRequest, reply: unknown, done: Done) => void,
  ): unknown;
  addHook(
    name: "onError",
    hook: (request: FastifyRequest, reply: unknown, error: unknown, done: Done) => void,
  ): unknown;
}

const instrumented = new WeakSet<object>();

/** Instruments each instance made from now on; returns what undoes it. */
export function instrumentFastify(): () => void {
  const listener = (message: unknown): void => {
    addHooks((message as { fastify: FastifyInstance }).fastify);
  };
  subscribe("fastify.initialization", listener);
  return () => unsubscribe("fastify.initialization", listener);
}

/** Adds the hooks to one instance, unless it has them already. */
export function addHooks(fastify: FastifyInstance): void {
  if (instrumented.has(fastify)) return;
  instrumented.add(fastify);
  fastify.addHook("onRequest", (request, _reply, done) => {
    const metadata = getRPCMetadata(context.active());
    const route = request.routeOptions?.url ?? request.routerPath;
    if (metadata?.type === RPCType.HTTP && route !== undefined) metadata.route = route;
    done();
  });
  fastify.addHook("onError", (_request, _reply, error, done) => {
    const span = getRPCMetadata(context.active())?.span;
    const { statusCode = 500 } = (error ?? {}) as { statusCode?: number };
    if (span !== undefined && statusCode >= 500) markError(span, error, true);
    else if (span !== undefined) recordError(span, error);
    done();
  });
}
