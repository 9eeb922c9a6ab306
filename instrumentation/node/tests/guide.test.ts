/** Every TypeScript snippet of the users' guide, taken from the guide itself: compiled and run. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";

import { SpanStatusCode, trace } from "@opentelemetry/api";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { recordSpans } from "../dist/testing/index.js";
import { PACKAGE, start, TSC, type Program } from "./support/program.js";
import { startGrpcSink, type Sink } from "./support/sink.js";

const GUIDE = readFileSync(`${PACKAGE}../../docs/guide.md`, "utf8");
const VERBATIM = `${PACKAGE}tests/guide/`;
const KIT = `${PACKAGE}node_modules/.lanes/guide/`;

/** Each snippet of the guide: the file it becomes here, and the heading it stands under there. */
const FILES = {
  "observability/tracing": "2. Create Tracing Module",
  index: "3. Initialize in Application",
  provision: "4. Add Custom Spans",
  propagate: "Manual Propagation",
  semantic: "1. Semantic Attributes",
  business: "2. Custom Attributes for Business Logic",
  events: "3. Span Events for Milestones",
  errors: "4. Error Handling",
  propagator: "Missing Parent-Child Relationships",
} as const;
type File = keyof typeof FILES;

const snippets = new Map(
  [...GUIDE.matchAll(/^#+ ([^\n]+)\n(?:(?!^#).*\n)*?```typescript\n([\s\S]*?)^```/gm)].map(
    ([, heading, code]) => [heading!, code!],
  ),
);
const snippet = (file: File): string => snippets.get(FILES[file])!;
/** The files that were run, and not only compiled. */
const ran = new Set<File>();

/** The changes the README names: for newer releases, a strict compiler, and in place of the SDK. */
const onTwo = (code: string): string =>
  code
    .replace("import { Resource }", "import { resourceFromAttributes }")
    .replace("new Resource(", "resourceFromAttributes(");
const strictly = (code: string): string => code.replaceAll("catch (error)", "catch (error: any)");
const withKit = (code: string): string => code.replace("new NodeSDK(", "initTracing(");

/** Imports of a snippet stay on top; the rest becomes the body of a function. */
function asFunction(code: string, signature: string, prelude = "", end = ""): string {
  const lines = code.split("\n");
  const imports = lines.filter((line) => line.startsWith("import "));
  const body = lines.filter((line) => !line.startsWith("import "));
  return [...imports, prelude, `export ${signature} {`, ...body, end, "}", ""].join("\n");
}

const SPAN = 'import type { Span } from "@opentelemetry/api";';
const SDK = 'import { NodeSDK } from "@opentelemetry/sdk-node";';
const KIT_IMPORT = 'import { initTracing } from "@ananta/tracing";';

function sources(change: (code: string) => string): Record<string, string> {
  return {
    "index.ts": `${snippet("index")}\nconst config: ApplicationConfig = { port: 0 };\nnew TenantMgmtServiceApplication(config).start();\n`,
    "provision.ts":
      change(snippet("provision")) +
      "\nasync function createTenantInDatabase(tenant: any) {\n" +
      '  if (tenant.tier === "none") throw new Error("no such tier");\n' +
      '  return trace.getTracer("db").startActiveSpan("INSERT tenants", (span) => {\n' +
      "    span.end();\n    return { id: tenant.id };\n  });\n}\n",
    "propagate.ts": asFunction(
      snippet("propagate"),
      "function propagate(req: { headers: object })",
    ),
    "semantic.ts": asFunction(snippet("semantic"), "function describe(span: Span)", SPAN),
    "business.ts": asFunction(
      snippet("business"),
      "function describe(span: Span, tenantId: string, userId: string, workflowId: string)",
      SPAN,
    ),
    "events.ts": asFunction(snippet("events"), "function tell(span: Span)", SPAN),
    "errors.ts": asFunction(
      change(snippet("errors")),
      "async function run(span: Span, riskyOperation: () => Promise<void>)",
      `import { SpanStatusCode, type Span } from "@opentelemetry/api";`,
    ),
    "application.ts": readFileSync(`${VERBATIM}application.ts`, "utf8"),
  };
}

function compile(folder: string, files: Record<string, string>, flags: string[]): void {
  for (const [name, code] of Object.entries(files)) {
    mkdirSync(dirname(`${folder}src/${name}`), { recursive: true });
    writeFileSync(`${folder}src/${name}`, code);
  }
  const paths = Object.keys(files).map((name) => `src/${name}`);
  const common = [
    "--outDir",
    "out",
    "--module",
    "commonjs",
    "--target",
    "es2022",
    "--esModuleInterop",
    "--skipLibCheck",
    "--types",
    "node",
    "--ignoreDeprecations",
    "5.0",
  ];
  const { status, stdout } = spawnSync(process.execPath, [TSC, ...common, ...flags, ...paths], {
    cwd: folder,
    encoding: "utf8",
  });
  expect(stdout).toBe("");
  expect(status).toBe(0);
}

let sink: Sink;
let program: Program | undefined;
beforeEach(async () => {
  sink = await startGrpcSink();
});
afterEach(async () => {
  await program?.stop();
  program = undefined;
  await sink.close();
});

/** The snippet's propagator writes the header of W3C and, as it says, nothing else. */
function expectPropagator(folder: string, start: string): void {
  const script = `
    const { context, propagation, ROOT_CONTEXT, trace } = require("@opentelemetry/api");
    const sdk = require("./out/propagator.js").create();
    ${start};
    const span = { traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: 1 };
    const carrier = {};
    const baggage = propagation.createBaggage({ campaign: { value: "autumn" } });
    const sent = propagation.setBaggage(trace.setSpanContext(ROOT_CONTEXT, span), baggage);
    propagation.inject(sent, carrier);
    console.log(JSON.stringify(carrier));
    process.exit();
  `;
  const output = execFileSync(process.execPath, ["-e", script], { cwd: folder, encoding: "utf8" });
  const traceparent = `00-${"1".repeat(32)}-${"2".repeat(16)}-01`;
  expect(JSON.parse(output)).toEqual({ traceparent });
  ran.add("propagator");
}

async function expectGuideSpans(folder: string): Promise<void> {
  program = start(`${folder}out/index.js`, sink.endpoint, {
    args: [],
    env: {
      OTEL_SERVICE_NAME: "tenant-management-service",
      OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
      OTEL_NODE_RESOURCE_DETECTORS: "none",
    },
  });
  const url = `http://127.0.0.1:${await program.said("port")}/tenants`;
  const send = (tenant: object) =>
    fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(tenant),
    });
  expect((await send({ id: "t-1", tier: "premium" })).status).toBe(201);
  expect((await send({ id: "t-2", tier: "none" })).status).toBe(500);
  // As it is printed, the module sends what it has every five seconds.
  const arrived = () => sink.named("provision_tenant").length + sink.named("POST /tenants").length;
  await expect.poll(arrived, { timeout: 15_000 }).toBe(4);
  const [done, failed] = sink.named("provision_tenant");
  const server = sink.spans.find(
    ({ kind, traceId }) => kind === "server" && traceId === done!.traceId,
  )!;
  expect(server.name).toBe("POST /tenants");
  expect(server.resource["service.name"]).toBe("tenant-management-service");
  expect(done).toMatchObject({
    attributes: { "tenant.id": "t-1", "tenant.tier": "premium" },
    events: [{ name: "tenant_created", attributes: { tenant_id: "t-1" } }],
    status: { code: 1 },
  });
  expect(failed).toMatchObject({
    status: { code: 2, message: "no such tier" },
    events: [{ name: "exception" }],
  });
  ran.add("index").add("provision");
}

describe.each([
  ["as it is printed, on the versions it was written for", VERBATIM, (code: string) => code],
  ["with one line changed, on OpenTelemetry 2.x", `${VERBATIM}current/`, onTwo],
])("%s", (_lane, folder, change) => {
  beforeAll(() => {
    if (!existsSync(`${folder}node_modules`))
      execFileSync("npm", ["ci", "--silent"], { cwd: folder });
    const files = {
      ...sources((code) => code),
      "observability/tracing.ts": change(snippet("observability/tracing")),
      "propagator.ts": asFunction(
        // The SDK it was written for looks at the propagator only where it has an exporter.
        snippet("propagator").replace("// ... other config", "traceExporter: new Exporter(),"),
        "function create()",
        `${SDK}\nimport { OTLPTraceExporter as Exporter } from "@opentelemetry/exporter-trace-otlp-grpc";`,
        "return sdk;",
      ),
    };
    compile(folder, files, ["--strict", "--useUnknownInCatchVariables", "false"]);
  }, 180_000);

  test("the module sends nested spans over gRPC", async () => {
    await expectGuideSpans(folder);
    ran.add("observability/tracing");
  });

  test("the snippet on missing parents sets a propagator", () => {
    expectPropagator(folder, "sdk.start()");
  });
});

describe("with @ananta/tracing in place of the module", () => {
  beforeAll(() => {
    rmSync(KIT, { recursive: true, force: true });
    mkdirSync(`${KIT}node_modules/@ananta`, { recursive: true });
    symlinkSync(PACKAGE, `${KIT}node_modules/@ananta/tracing`);
    const files = {
      ...sources(strictly),
      "observability/tracing.ts": 'export { initTracing } from "@ananta/tracing";\n',
      "propagator.ts": asFunction(
        withKit(snippet("propagator")),
        "function create()",
        KIT_IMPORT,
        "return sdk;",
      ),
    };
    compile(KIT, files, ["--strict"]);
  });

  test("the same spans arrive", async () => {
    await expectGuideSpans(KIT);
  });

  test("the snippet on missing parents sets a propagator", () => {
    expectPropagator(KIT, "sdk.start?.()");
  });

  const load = async (file: File): Promise<any> => {
    ran.add(file);
    return import(`${KIT}out/${file}.js`);
  };

  test("attributes, events and errors are what the snippets say", async () => {
    const spans = recordSpans();
    const tracer = trace.getTracer("guide");
    const run = async (name: File, use: (span: any, module: any) => unknown) => {
      const span = tracer.startSpan(name);
      await use(span, await load(name));
      span.end();
    };
    await run("semantic", (span, { describe }) => describe(span));
    await run("business", (span, { describe }) => describe(span, "t-1", "u-1", "w-1"));
    await run("events", (span, { tell }) => tell(span));
    await run("errors", (span, { run: risky }) =>
      expect(
        risky(span, async () => {
          throw new Error("risky");
        }),
      ).rejects.toThrow("risky"),
    );
    spans.assertSpan("semantic", {
      attributes: {
        "http.method": "POST",
        "http.status_code": 200,
        "db.system": "postgresql",
        "db.statement": "SELECT * FROM tenants",
      },
    });
    spans.assertSpan("business", {
      attributes: { "tenant.id": "t-1", "user.id": "u-1", "workflow.type": "tenant_provisioning" },
    });
    spans.assertSpan("events", {
      events: [
        "tenant_created",
        "keycloak_user_created",
        "dns_configured",
        "provisioning_complete",
      ],
    });
    expect(spans.assertSpan("errors", { error: "risky" }).status.code).toBe(SpanStatusCode.ERROR);
  });

  test("the snippet on manual propagation hands the caller's trace on", async () => {
    const spans = recordSpans();
    const asked: any[] = [];
    const axios = createRequire(`${KIT}out/propagate.js`)("axios");
    axios.defaults.adapter = async (config: any) => {
      asked.push(config);
      return { status: 200, data: "", statusText: "", headers: {}, config };
    };
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    (await load("propagate")).propagate({ headers: { traceparent } });
    await expect.poll(() => asked.length).toBe(1);
    expect(asked[0].headers.get("traceparent")).toBe(traceparent);
    spans.assertNoOrphans();
  });
});

test("every snippet of the guide was run", () => {
  expect(GUIDE.match(/^```(typescript|ts|tsx|javascript|js)$/gm)).toHaveLength(snippets.size);
  expect([...snippets.keys()]).toEqual(Object.values(FILES));
  expect([...ran].sort()).toEqual(Object.keys(FILES).sort());
});
