/** `OTEL_CONFIG_FILE`: the SDK's own way to be set up, followed through `initTracing`. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { start, type Ended } from "./support/program.js";
import { startHttpSink, type Sink } from "./support/sink.js";

let folder = "";
let sink: Sink;
/** Where options and variables point to. */
let elsewhere: Sink;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "ananta-file-"));
  [sink, elsewhere] = [await startHttpSink(), await startHttpSink()];
});
afterEach(async () => {
  await Promise.all([sink.close(), elsewhere.close()]);
  rmSync(folder, { recursive: true, force: true });
});

function run(more = "", environment: Record<string, string> = {}): Promise<Ended> {
  const path = join(folder, "tracing.yaml");
  writeFileSync(
    path,
    `
file_format: "1.0"
resource:
  attributes:
    - name: service.name
      value: by-file
propagator:
  composite:
    - b3multi:
tracer_provider:
  processors:
    - batch:
        exporter:
          otlp_http:
            endpoint: ${sink.endpoint}/v1/traces
${more}
`,
  );
  const env = { OTEL_CONFIG_FILE: path, ...environment };
  return start("configured.cjs", elsewhere.endpoint, { args: [], env }).ended;
}

test.each(["return", "shutdown"])("the file beats options and variables: %s", async (end) => {
  const ended = await run("", { END: end, OTEL_TRACES_SAMPLER: "nosuch" });
  expect(ended).toMatchObject({ code: 0, stderr: "" });
  const said = ended.stdout.trim().split("\n");
  expect(said).toEqual([
    "x-b3-traceid,x-b3-spanid,x-b3-sampled",
    ...(end === "shutdown" ? ["verdict true"] : []),
  ]);
  expect(sink.spans).toMatchObject([{ name: "load_bom", resource: { "service.name": "by-file" } }]);
  expect(elsewhere.spans).toEqual([]);
});

test("a file may turn tracing off", async () => {
  expect(await run("disabled: true")).toMatchObject({ code: 0, stdout: "\n", stderr: "" });
  expect([...sink.spans, ...elsewhere.spans]).toEqual([]);
});

test.each([
  ["a limit that is no number", "attribute_limits: { attribute_count_limit: many }", {}],
  ["no such file", "", { OTEL_CONFIG_FILE: "/no/such.yaml" }],
])("costs a line, and the variables hold: %s", async (_what, more, environment) => {
  const { code, stderr } = await run(more, environment);
  expect(code).toBe(0);
  expect(stderr.trim().split("\n")).toEqual([
    expect.stringMatching(
      /OTEL_CONFIG_FILE: '.*\.yaml' cannot be used \(.*\); the other OTEL_ variables hold$/,
    ),
  ]);
  expect(elsewhere.spans).toMatchObject([{ resource: { "service.name": "by-option" } }]);
});
