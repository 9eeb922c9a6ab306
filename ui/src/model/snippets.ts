/**
 * First programs that send a span here: for two SDKs, the Collector, the environment of any SDK, and
 * curl. The addresses in them are those the running receivers listen on.
 */

import type { Answers } from "@/api/client";

export const SERVICE = "shop";

export interface OtlpEndpoints {
  /** `http://host:port` without a path; null where no receiver takes OTLP over HTTP. */
  readonly http: string | null;
  /** The same for gRPC. */
  readonly grpc: string | null;
  /** Whether only programs on the same machine, outside of containers, reach them. */
  readonly localOnly: boolean;
}

/** What the receivers listen on unless they are told otherwise. */
export const DEFAULT_ENDPOINTS: OtlpEndpoints = {
  http: "http://localhost:4318",
  grpc: "http://localhost:4317",
  localOnly: false,
};

export interface Snippet {
  readonly key: "python" | "node" | "collector" | "environment" | "curl";
  readonly title: string;
  /** What to do with it, in a sentence. */
  readonly use: string;
  /** A command that installs what it needs. */
  readonly install?: string;
  readonly text: string;
}

/** How an address is reached; null for one without a port, such as a socket's path. */
interface Reachable {
  readonly url: string;
  readonly local: boolean;
}

/**
 * Where the OTLP receivers of a process are reached from the machine of a browser.
 *
 * @param pageHost - the host the page came from, for receivers that listen on every interface.
 */
export function findOtlpEndpoints(
  components: readonly Answers["PipelineComponent"][],
  pageHost: string,
): OtlpEndpoints {
  const receivers = components.filter(
    ({ kind, id }) => kind === "receivers" && id.split("/")[0] === "otlp",
  );
  const first = (protocol: string) =>
    receivers
      .map(({ addresses }) => reach(addresses[protocol] ?? "", pageHost))
      .find((found) => found !== null);
  const [http, grpc] = [first("http"), first("grpc")];
  const found = [http, grpc].filter((one) => one !== undefined);
  return {
    http: http?.url ?? null,
    grpc: grpc?.url ?? null,
    localOnly: found.length > 0 && found.every(({ local }) => local),
  };
}

function reach(address: string, pageHost: string): Reachable | null {
  const match = /^(.*):(\d+)$/.exec(address);
  if (!match) return null;
  const [, host, port] = match;
  const everywhere = ["", "0.0.0.0", "[::]"].includes(host!);
  return {
    url: `http://${everywhere ? pageHost : host}:${port}`,
    local: /^(localhost|127\..*|\[::1\])$/.test(host!),
  };
}

/** The programs for these endpoints: OTLP over HTTP where it is taken, else gRPC. */
export function writeSnippets(endpoints: OtlpEndpoints, traceId: string): readonly Snippet[] {
  const { http, grpc } = endpoints.http || endpoints.grpc ? endpoints : DEFAULT_ENDPOINTS;
  const way: Way = http
    ? { protocol: "http", endpoint: http }
    : { protocol: "grpc", endpoint: grpc! };
  return [
    python(way),
    node(way),
    collector(way),
    environment(way),
    ...(http ? [curl(http, traceId)] : []),
  ];
}

interface Way {
  readonly protocol: "http" | "grpc";
  readonly endpoint: string;
}

function python({ protocol, endpoint }: Way): Snippet {
  const given =
    protocol === "http"
      ? `endpoint="${endpoint}/v1/traces"`
      : `endpoint="${endpoint}", insecure=True`;
  return {
    key: "python",
    title: "Python",
    use: "Save it as first.py and run: python first.py",
    install: `pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-${protocol}`,
    text: `from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.${protocol}.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider(resource=Resource.create({"service.name": "${SERVICE}"}))
exporter = OTLPSpanExporter(${given})
provider.add_span_processor(BatchSpanProcessor(exporter))
trace.set_tracer_provider(provider)

with trace.get_tracer("first").start_as_current_span("checkout") as span:
    span.set_attribute("tenant.id", "12345")

provider.shutdown()  # sends what still waits
`,
  };
}

function node({ protocol, endpoint }: Way): Snippet {
  const exporter = `@opentelemetry/exporter-trace-otlp-${protocol === "http" ? "proto" : "grpc"}`;
  const url = protocol === "http" ? `${endpoint}/v1/traces` : endpoint;
  return {
    key: "node",
    title: "Node.js",
    use: "Save it as first.mjs and run: node first.mjs",
    install: `npm install @opentelemetry/api @opentelemetry/resources @opentelemetry/sdk-trace-node ${exporter}`,
    text: `import { trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "${exporter}";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

const exporter = new OTLPTraceExporter({ url: "${url}" });
const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ "service.name": "${SERVICE}" }),
  spanProcessors: [new BatchSpanProcessor(exporter)],
});
provider.register();

trace.getTracer("first").startActiveSpan("checkout", (span) => {
  span.setAttribute("tenant.id", "12345");
  span.end();
});

await provider.shutdown(); // sends what still waits
`,
  };
}

function collector({ protocol, endpoint }: Way): Snippet {
  const exporter =
    protocol === "http"
      ? `  otlp_http/ananta: # before Collector 0.144: otlphttp/ananta
    endpoint: ${endpoint}`
      : `  otlp_grpc/ananta: # before Collector 0.144: otlp/ananta
    endpoint: ${endpoint.replace("http://", "")}
    tls:
      insecure: true`;
  return {
    key: "collector",
    title: "Collector",
    use: "Add it to the Collector's configuration, beside the exporters that are there.",
    text: `exporters:
${exporter}

service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [otlp_${protocol}/ananta]
`,
  };
}

function environment({ protocol, endpoint }: Way): Snippet {
  return {
    key: "environment",
    title: "OTEL_* variables",
    use: "Set them for a program that is instrumented already; every SDK reads them.",
    text: `export OTEL_SERVICE_NAME=${SERVICE}
export OTEL_TRACES_EXPORTER=otlp
export OTEL_EXPORTER_OTLP_PROTOCOL=${protocol === "http" ? "http/protobuf" : "grpc"}
export OTEL_EXPORTER_OTLP_ENDPOINT=${endpoint}
export OTEL_TRACES_SAMPLER=parentbased_always_on
`,
  };
}

function curl(endpoint: string, traceId: string): Snippet {
  return {
    key: "curl",
    title: "curl",
    use: "Run it in a shell: it sends one span of a millisecond, and is answered 200.",
    text: `now=$(date +%s)
curl -i ${endpoint}/v1/traces -H 'Content-Type: application/json' -d '{
  "resourceSpans": [{
    "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "${SERVICE}"}}]},
    "scopeSpans": [{
      "spans": [{
        "traceId": "${traceId}",
        "spanId": "${traceId.slice(0, 16)}",
        "name": "checkout",
        "kind": 1,
        "startTimeUnixNano": "'$now'000000000",
        "endTimeUnixNano": "'$now'001000000",
        "attributes": [{"key": "tenant.id", "value": {"stringValue": "12345"}}]
      }]
    }]
  }]
}'
`,
  };
}
