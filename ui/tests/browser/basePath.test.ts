/** The UI below a path of its own, as a reverse proxy passes it on. */

import { afterAll, beforeAll, expect } from "vitest";
import { test } from "./browser";
import { startPlatform, type Platform } from "./platform";
import { sendTrace } from "./sentTraces";

const BASE_PATH = "/tools/tracing";

let platform: Platform;
let url: string;
let traceId: string;

beforeAll(async () => {
  platform = await startPlatform([`extensions.query.base_path=${BASE_PATH}`]);
  url = platform.url + BASE_PATH;
  traceId = await sendTrace({ url, otlp: platform.otlp }, [
    { id: "root", name: "buy", kind: 2, duration: 20 },
    { id: "step", parent: "root", name: "pay", duration: 5 },
  ]);
}, 120_000);

afterAll(() => platform.stop());

test("every page works below a base path, and links stay below it", async ({ open }) => {
  const page = await open("/", { url });
  await page.waitForURL(`${url}/search`);
  await page.locator(`a[href*="/trace/${traceId}"]`).first().click();
  await page.waitForURL(`${url}/trace/${traceId}*`);
  await page.getByRole("row", { name: /pay/ }).waitFor();
  await page.reload();
  await page.getByRole("row", { name: /pay/ }).waitFor();
  for (const [link, heading] of [
    ["Services", "Services"],
    ["Pipeline", "Pipeline"],
  ] as const) {
    const navigation = page.getByRole("navigation", { name: "Pages" });
    await navigation.getByRole("link", { name: link, exact: true }).click();
    await page.getByRole("heading", { name: heading, exact: true }).waitFor();
    expect(page.url().startsWith(`${url}/`)).toBe(true);
  }
  await page.goto(`${url}/dependencies?v=table`);
  await page.getByText("shop", { exact: true }).first().waitFor();
});
