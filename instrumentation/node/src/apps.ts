/**
 * `instrumentApp(app)`: what an application needs where its framework could not be patched.
 *
 * With a bundler, or a framework that was loaded before tracing, requests have their span all the
 * same (it is Node's own server that is traced) but no route. This adds it.
 */
import { context } from "@opentelemetry/api";
import { getRPCMetadata, RPCType } from "@opentelemetry/core";

import { addHooks, type FastifyInstance } from "./libraries/fastify.js";
import { routeOf } from "./libraries/express.js";
import { excludeUrls } from "./libraries/request-rules.js";
import { warn } from "./log.js";
import { compileExpressions } from "./settings/expressions.js";

export interface InstrumentAppOptions {
  /** Paths that are not traced, beside those of `initTracing`. */
  readonly excludeUrls?: readonly (string | RegExp)[] | undefined;
}

interface ExpressRequest {
  readonly baseUrl?: string;
  readonly route?: { readonly path: string | RegExp };
}
interface ExpressResponse {
  prependListener(event: "close", listener: () => void): unknown;
}
interface ExpressApp {
  use(
    handler: (request: ExpressRequest, response: ExpressResponse, next: () => void) => void,
  ): unknown;
}

const instrumented = new WeakSet<object>();

/**
 * Names the requests of an Express or Fastify application by their route, and leaves out further
 * paths. Call it before routes are added. Returns the application.
 */
export function instrumentApp<App extends object>(
  app: App,
  options: InstrumentAppOptions = {},
): App {
  if (instrumented.has(app)) {
    warn("instrumentApp() was called twice for one application; the second call is ignored");
    return app;
  }
  instrumented.add(app);
  excludeUrls(
    compileExpressions(options.excludeUrls ?? [], (problem) =>
      warn(`option excludeUrls: ${problem}`),
    ),
  );
  if ("addHook" in app) addHooks(app as unknown as FastifyInstance);
  else if ("use" in app) nameExpressRoutes(app as unknown as ExpressApp);
  else warn("instrumentApp() knows applications of Express and Fastify, and this is neither");
  return app;
}

function nameExpressRoutes(app: ExpressApp): void {
  app.use((request, response, next) => {
    const metadata = getRPCMetadata(context.active());
    if (metadata?.type === RPCType.HTTP) {
      // Before the listener that ends the span; by then the router has found its route.
      response.prependListener("close", () => {
        if (request.route !== undefined)
          metadata.route ??= routeOf(request.baseUrl, request.route.path);
      });
    }
    next();
  });
}
