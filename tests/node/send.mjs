// Sends one trace with the OpenTelemetry SDK for Node.js and exits when it is acknowledged.
// Usage: node send.mjs grpc|http/protobuf|http/json ENDPOINT SERVICE SPANS
import { SpanStatusCode, context, trace } from '@opentelemetry/api';
import { OTLPTraceExporter as GrpcExporter } from '@opentelemetry/exporter-trace-otlp-grpc';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';

const [protocol, endpoint, service, spans] = process.argv.slice(2);
const exporter = {
  grpc: () => new GrpcExporter({ url: endpoint }),
  'http/protobuf': () => new ProtobufExporter({ url: `${endpoint}/v1/traces` }),
  'http/json': () => new JsonExporter({ url: `${endpoint}/v1/traces` }),
}[protocol]();

const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ 'service.name': service }),
  spanProcessors: [new BatchSpanProcessor(exporter)],
});
provider.register();
const tracer = trace.getTracer('node-client', '1.0.0');

const root = tracer.startSpan('provision_tenant', { attributes: { 'tenant.id': '12345' } });
const inside = trace.setSpan(context.active(), root);
for (let index = 1; index < Number(spans); index += 1) {
  const span = tracer.startSpan(`step ${index}`, { attributes: { index } }, inside);
  span.addEvent('done', { index });
  span.end();
}
root.setStatus({ code: SpanStatusCode.ERROR, message: 'refused' });
root.end();
await provider.forceFlush();
await provider.shutdown();
console.log(root.spanContext().traceId);
