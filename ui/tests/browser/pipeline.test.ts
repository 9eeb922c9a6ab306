/** The Pipeline page: on an empty install, and where a queue is full. */

import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { expectAccessible, keepScreenshot, test, type Theme } from "./browser";
import { startPlatform, type Platform } from "./platform";

const ROOT = resolve(import.meta.dirname, "../../..");
const ANANTA = process.env["ANANTA"] ?? join(ROOT, ".venv/bin/ananta");
const PYTHON = join(dirname(ANANTA), "python");
const THEMES: readonly Theme[] = ["light", "dark"];

describe("on an empty install", () => {
  let platform: Platform;
  let directory: string;

  beforeAll(async () => {
    platform = await startPlatform();
    directory = await mkdtemp(join(tmpdir(), "ananta-snippets-"));
    await symlink(join(ROOT, "tests/node/node_modules"), join(directory, "node_modules"));
  });

  afterAll(async () => {
    await platform.stop();
    await rm(directory, { recursive: true, force: true });
  });

  test("says that nothing arrived, and what to look at", async ({ open }) => {
    const page = await open("/pipeline", { url: platform.url });
    await page.getByText("No span has arrived since the start.").waitFor();
    const check = page
      .getByRole("listitem")
      .filter({ has: page.getByText("Receivers listen", { exact: true }) });
    expect(await check.textContent()).toContain(platform.otlp.replace("http://", ""));
    expect(await check.getByRole("img").getAttribute("aria-label")).toBe("all right");
    await page.getByText("Only programs on this machine can reach it").waitFor();
    await keepScreenshot(page, "pipeline-empty");
  });

  for (const theme of THEMES) {
    test(`is accessible in ${theme}, wide and narrow`, async ({ open }) => {
      for (const width of [1440, 390]) {
        const page = await open("/pipeline", { url: platform.url, theme, width });
        await page.getByRole("tab", { name: "Python" }).waitFor();
        await expectAccessible(page);
        const tooWide = await page.evaluate(() => {
          const { scrollWidth, clientWidth } = document.documentElement;
          return scrollWidth - clientWidth;
        });
        expect(tooWide).toBe(0);
      }
    });
  }

  test("goes from tab to tab by arrow keys", async ({ open }) => {
    const page = await open("/pipeline", { url: platform.url });
    await page.getByRole("tab", { name: "Python" }).focus();
    await page.keyboard.press("ArrowRight");
    await page.getByRole("region", { name: "Node.js" }).waitFor();
    await page.keyboard.press("End");
    await page.getByRole("region", { name: "curl" }).waitFor();
    expect(await page.getByRole("tab", { name: "curl" }).getAttribute("aria-selected")).toBe(
      "true",
    );
  });

  test("sends a test span, finds it, and opens its trace", async ({ open }) => {
    const page = await open("/pipeline", { url: platform.url });
    await page.getByRole("button", { name: "Send a test span" }).click();
    const steps = page.getByRole("status", { name: "Test span" });
    await steps.getByText("Found in the store").waitFor();
    await expectAccessible(page);
    expect(await steps.textContent()).toContain(`Sent to ${platform.otlp}/v1/traces and accepted`);
    await steps.getByRole("link", { name: "open the trace" }).click();
    await page.waitForURL(/\/trace\/[0-9a-f]{32}$/);
    const found = await fetch(`${platform.url}/api/traces?service=ananta-test`);
    const { data } = (await found.json()) as { data: { traceID: string }[] };
    expect(page.url()).toContain(data[0]?.traceID);
  });

  test("offers programs that run as they are copied", async ({ open }) => {
    const page = await open("/pipeline", { url: platform.url });
    await showSnippets(page);
    const runs: Record<string, (text: string) => Promise<unknown>> = {
      Python: (text) => run(PYTHON, ["-c", text]),
      "Node.js": async (text) => {
        await writeFile(join(directory, "first.mjs"), text);
        await run("node", [join(directory, "first.mjs")]);
      },
      "OTEL_* variables": (text) =>
        run("sh", ["-c", `${text}\n"$0" -c "$1"`, PYTHON, INSTRUMENTED]),
      curl: (text) => run("sh", ["-c", text]),
    };
    let sent = 0;
    for (const [name, use] of Object.entries(runs)) {
      await use(await copySnippet(page, name));
      sent += 1;
      expect(await countTraces(platform, "shop"), `after ${name}`).toBe(sent);
    }
  });

  test("offers a part for the Collector that is valid beside a receiver", async ({ open }) => {
    const page = await open("/pipeline", { url: platform.url });
    await showSnippets(page);
    const [before, part] = [join(directory, "before.yaml"), join(directory, "part.yaml")];
    await writeFile(before, "receivers: {otlp: {protocols: {grpc: {}}}}\n");
    await writeFile(part, await copySnippet(page, "Collector"));
    await run(ANANTA, ["validate", "--config", before, "--config", part]);
  });
});

describe("with a full queue", () => {
  let platform: Platform;
  let accepted = 0;
  const path = "/pipeline";

  beforeAll(async () => {
    const exporter = "exporters.otlp_http/away";
    platform = await startPlatform([
      `${exporter}.endpoint=http://me:sesame@127.0.0.1:${await closedPort()}`,
      `${exporter}.headers.authorization=Bearer sesame`,
      `${exporter}.retry_on_failure.max_elapsed_time=0s`,
      `${exporter}.sending_queue.queue_size=3`,
      "service.pipelines.traces.exporters=[clickhouse, otlp_http/away]",
    ]);
    expect(await send(platform, "no JSON")).toBe(400);
    while ((await send(platform, request(accepted + 1))) === 200) accepted += 1;
  });

  afterAll(() => platform.stop());

  test("says so in the navigation, and why on the page", async ({ open }) => {
    const page = await open("/search", { url: platform.url });
    await page
      .getByRole("navigation")
      .getByRole("link", { name: /Pipeline\s*problems: 2/ })
      .click();
    await page.waitForURL("**/pipeline");
    await page.getByText('The queue of exporter "otlp_http/away" is 100 % full: 3 of 3').waitFor();
    await page.getByText('Exporter "otlp_http/away" cannot deliver').waitFor();
    const exporter = page.getByRole("table", { name: "Spans of otlp_http/away" });
    expect(await exporter.getByRole("row", { name: /^refused/ }).textContent()).toMatch(
      /[1-9]\d*$/,
    );
    const meter = page.getByRole("meter", { name: "Queue of otlp_http/away" }).first();
    expect(await meter.getAttribute("aria-valuetext")).toBe("100.0 %, 3 of 3 requests");
    const receiver = page.getByRole("table", { name: "Spans of otlp" });
    const rows = await receiver.getByRole("row").allTextContents();
    expect(rows.find((row) => row.startsWith("received"))).toMatch(new RegExp(`\\D${accepted}$`));
    expect(rows).toContain("requests refused: malformed1");
    await keepScreenshot(page, "pipeline-full-queue");
  });

  test("tells a component's errors, counts and part of the configuration", async ({ open }) => {
    const page = await open(path, { url: platform.url });
    await page.getByRole("link", { name: "otlp_http/away" }).click();
    const panel = page.getByRole("dialog", { name: "Exporter otlp_http/away" });
    await panel.getByText("sending queue is full").waitFor();
    await panel.getByText("Connection refused").first().waitFor();
    const config = panel.getByRole("region", { name: "Configuration of otlp_http/away" });
    expect(await config.textContent()).toContain("queue_size: 3");
    await panel.getByRole("button", { name: "As a table" }).click();
    await panel.getByRole("table", { name: "Spans per second" }).waitFor();
    expect(page.url()).toContain("component=exporters");
    await page.keyboard.press("Escape");
    await panel.waitFor({ state: "detached" });
    expect(page.url()).not.toContain("component");
  });

  test("counts what arrives while it is looked at", async ({ open }) => {
    const page = await open(path, { url: platform.url });
    const refused = page
      .getByRole("table", { name: "Spans of otlp_http/away" })
      .getByRole("row", { name: /^refused/ });
    await refused.getByText("0 /s", { exact: true }).waitFor();
    await send(platform, request(1000));
    await refused.getByText(/^(<0\.1|0\.[1-9]|[1-9][\d.]*) \/s$/).waitFor();
  });

  test("masks secrets in all it shows, copies and keeps", async ({ open }) => {
    const page = await open(path, { url: platform.url });
    const config = page.getByRole("region", { name: "The configuration as YAML" });
    expect(await config.textContent()).toContain("authorization: '[REDACTED]'");
    await page.getByRole("button", { name: "Copy the configuration" }).click();
    await page.getByRole("button", { name: "Copied" }).waitFor();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    expect(copied.trim()).toBe((await config.textContent())?.trim());
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Download" }).click(),
    ]);
    expect(download.suggestedFilename()).toBe("ananta.yaml");
    expect(await page.content()).not.toContain("sesame");
    expect(copied).not.toContain("sesame");
  });

  for (const theme of THEMES) {
    test(`is accessible in ${theme}, with a component shown and without`, async ({ open }) => {
      const page = await open(path, { url: platform.url, theme });
      await page.getByRole("table", { name: "Spans of otlp_http/away" }).waitFor();
      await expectAccessible(page);
      await page.goto(`${platform.url}${path}?component=exporters%2Fotlp_http%2Faway`);
      await page.getByRole("dialog").getByText("sending queue is full").waitFor();
      await expectAccessible(page);
      await keepScreenshot(page, `pipeline-component-${theme}`);
    });
  }

  test("says in the server's words why a test span is not taken", async ({ open }) => {
    const page = await open(path, { url: platform.url, expectedErrors: ["502"] });
    await page.getByRole("button", { name: "Send a test span" }).click();
    const steps = page.getByRole("status", { name: "Test span" });
    await steps.getByText('Receiver "otlp" did not take the test span').waitFor();
    await page.getByRole("button", { name: "Send a test span", disabled: false }).waitFor();
  });

  test("keeps the last answer when the process stops", async ({ open }) => {
    const page = await open(path, {
      url: platform.url,
      expectedErrors: ["ERR_CONNECTION_REFUSED"],
    });
    await page.getByRole("table", { name: "Spans of otlp_http/away" }).waitFor();
    await platform.stop();
    await page.getByText("What is shown is the last answer.").waitFor();
    await page.getByRole("table", { name: "Spans of otlp_http/away" }).waitFor();
  });
});

/** A program that leaves everything to the environment, as instrumented ones do. */
const INSTRUMENTED = `
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
provider.get_tracer("instrumented").start_span("checkout").end()
provider.shutdown()
`;

const run = promisify(execFile);

/** Opens them where spans have arrived already. */
async function showSnippets(page: Page): Promise<void> {
  const summary = page.getByText("Send traces here");
  await summary.waitFor();
  if (!(await page.getByRole("tab", { name: "Python" }).isVisible())) await summary.click();
}

async function copySnippet(page: Page, name: string): Promise<string> {
  await page.getByRole("tab", { name, exact: true }).click();
  await page.getByRole("button", { name: `Copy: ${name}`, exact: true }).click();
  await page.getByRole("button", { name: "Copied" }).waitFor();
  return page.evaluate(() => navigator.clipboard.readText());
}

async function countTraces({ url }: Platform, service: string): Promise<number> {
  const answer = await fetch(`${url}/api/traces?service=${service}`);
  const { data } = (await answer.json()) as { data: unknown[] };
  return data.length;
}

async function send({ otlp }: Platform, body: string): Promise<number> {
  const headers = { "Content-Type": "application/json" };
  const { status } = await fetch(`${otlp}/v1/traces`, { method: "POST", headers, body });
  return status;
}

/** An OTLP request with one span. */
function request(number: number): string {
  const traceId = number.toString(16).padStart(32, "0");
  const now = `${Date.now()}000000`;
  const times = { startTimeUnixNano: now, endTimeUnixNano: now };
  const span = { traceId, spanId: traceId.slice(16), name: "fill the queue", kind: 1, ...times };
  return JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] });
}

/** A port nobody listens on. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}
