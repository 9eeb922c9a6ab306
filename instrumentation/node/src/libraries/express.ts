/**
 * Express 4 and 5: the server span carries the route, and the exception a route ended with.
 *
 * One patch, on the call of a matched route. Layers get no spans of their own: a trivial route
 * then costs what the HTTP server costs. Whoever wants them gives the official
 * `ExpressInstrumentation` in `instrumentations`, and this one steps back.
 */
import { context } from "@opentelemetry/api";
import { getRPCMetadata, RPCType } from "@opentelemetry/core";
import {
  InstrumentationBase,
  InstrumentationNodeModuleDefinition,
} from "@opentelemetry/instrumentation";

import { markError } from "../helpers/spans.js";

interface Request {
  readonly baseUrl?: string;
}
type Next = (error?: unknown) => void;
type Dispatch = (this: Route, request: Request, response: unknown, next: Next) => unknown;
interface Route {
  readonly path: string | RegExp | readonly (string | RegExp)[];
}
interface Express {
  readonly Route: { readonly prototype: { dispatch: Dispatch } };
  readonly default?: Express;
}

const VERSION = "1.0.0";

export class ExpressRouteInstrumentation extends InstrumentationBase {
  constructor() {
    super("@ananta/tracing/express", VERSION, {});
  }

  protected init(): InstrumentationNodeModuleDefinition {
    return new InstrumentationNodeModuleDefinition(
      "express",
      [">=4.0.0 <6"],
      (express: Express) => {
        const { prototype } = (express.default ?? express).Route;
        this._wrap(prototype, "dispatch", traceDispatch);
        return express;
      },
      (express: Express | undefined) => {
        if (express !== undefined)
          this._unwrap((express.default ?? express).Route.prototype, "dispatch");
      },
    );
  }
}

function traceDispatch(dispatch: Dispatch): Dispatch {
  return function (this: Route, request, response, next) {
    const metadata = getRPCMetadata(context.active());
    if (metadata?.type !== RPCType.HTTP) return dispatch.call(this, request, response, next);
    metadata.route = routeOf(request.baseUrl, this.path);
    return dispatch.call(this, request, response, (error?: unknown) => {
      if (error && error !== "route" && error !== "router") markError(metadata.span, error, true);
      next(error);
    });
  };
}

/** The route as it was written, with the path its router is mounted at. */
export function routeOf(baseUrl: string | undefined, path: Route["path"]): string {
  const own = Array.isArray(path) ? path.map(String).join("|") : String(path);
  const whole = `${baseUrl ?? ""}${own}`;
  return whole.length > 1 && whole.endsWith("/") ? whole.slice(0, -1) : whole || "/";
}
