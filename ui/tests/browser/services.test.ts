/** The services page: the table of all, and one service over time. */

import type { Page } from "playwright-core";
import { expect, inject } from "vitest";
import { expectAccessible, keepScreenshot, test } from "./browser";
import { newTraceId, sendTrace, spanIdOf } from "./sentTraces";

const SERVICE = "cns-service";
const WINDOW = "lookback=2h";

/** The middle of a chart's drawing, and how wide it is. */
async function plotOf(page: Page, title: string) {
  const over = page.getByRole("img", { name: `${title} over time` }).locator(".u-over");
  await over.waitFor();
  const box = (await over.boundingBox())!;
  return { x: box.x, y: box.y + box.height / 2, width: box.width };
}

test("leads from the list to a service and to its slowest trace", async ({ open }) => {
  const page = await open(`/services?${WINDOW}`);
  const row = page.getByRole("row").filter({ hasText: SERVICE });
  await row.waitFor();
  expect(await row.locator("td").allTextContents()).toHaveLength(10);
  await row.getByRole("link", { name: SERVICE }).click();
  await page.waitForURL(`**/services?service=${SERVICE}&${WINDOW}*`);
  const slowest = page.getByRole("link", { name: /^Slowest trace of / }).first();
  await slowest.click();
  await page.waitForURL(/\/trace\/[0-9a-f]{32}\?.*sel=[0-9a-f]{16}/);
  await page.locator("[role=row][aria-selected=true]").waitFor();
});

test("tells the exceptions of a service, and leads to their spans", async ({ open }) => {
  const service = `exceptions-${newTraceId().slice(0, 8)}`;
  const exception = (message: string) => [
    {
      name: "exception",
      at: 1,
      attributes: { "exception.type": "SoldOut", "exception.message": message },
    },
  ];
  const traceId = await sendTrace({ url: inject("url"), otlp: inject("otlp") }, [
    { id: "buy", service, kind: 2, duration: 20, events: exception("no part 17") },
    { id: "pay", parent: "buy", service, start: 2, error: "no", events: exception("no part 4") },
    { id: "ask", parent: "buy", service, start: 3, events: exception("no such thing") },
  ]);
  const page = await open(`/services?service=${service}&lookback=5m`);
  const rows = page.getByRole("table", { name: `Exceptions of ${service}` }).locator("tbody tr");
  await rows.first().waitFor();
  expect((await rows.allInnerTexts()).map((text) => text.split(/\s*\t/).slice(0, 2))).toEqual([
    ["SoldOut no part 4 and 1 more that differ in numbers", "2"],
    ["SoldOut no such thing", "1"],
  ]);
  expect(await rows.first().getByRole("link", { name: "2" }).getAttribute("href")).toContain(
    "q=exception.type%3DSoldOut&",
  );
  await rows.nth(1).getByRole("link", { name: "1", exact: true }).click();
  await page.waitForURL(/q=exception.type%3DSoldOut\+exception.message%3D%22no\+such\+thing%22/);
  await page.locator(`a[href*="/trace/${traceId}"]`).first().waitFor();
  await page.goBack();
  await rows.first().getByRole("link", { name: "newest span with SoldOut" }).click();
  await page.waitForURL(`**/trace/${traceId}?sel=${spanIdOf("pay")}*`);
  await page.locator("[role=row][aria-selected=true]").filter({ hasText: "pay" }).waitFor();
});

test("keeps filter and order of the list in the URL", async ({ open }) => {
  const page = await open(`/services?${WINDOW}`);
  const names = page.locator("tbody tr td:first-child a");
  await names.first().waitFor();
  const count = await names.count();
  await page.getByRole("searchbox", { name: "Filter by name" }).fill("service");
  await expect.poll(() => names.count()).toBeLessThan(count);
  await page.getByRole("button", { name: "p95" }).click();
  await page.waitForURL(/filter=service&sort=-p95/);
  const sorted = await names.allTextContents();
  await page.reload();
  await names.first().waitFor();
  expect(await names.allTextContents()).toEqual(sorted);
  await page.getByRole("searchbox", { name: "Filter by name" }).fill("nobody");
  await page.getByRole("button", { name: "Show all services" }).click();
  await expect.poll(() => names.count()).toBe(count);
});

test("selects a stretch of time by a drag, and finds the traces of a step by a click", async ({
  open,
}) => {
  const page = await open(`/services?service=${SERVICE}&${WINDOW}`);
  const { x, y, width } = await plotOf(page, "Rate");
  await page.mouse.move(x + width * 0.4, y);
  await page.mouse.down();
  await page.mouse.move(x + width * 0.5, y, { steps: 4 });
  await page.mouse.move(x + width * 0.7, y, { steps: 4 });
  const answered = page.waitForResponse("**/services/metrics?*");
  await page.mouse.up();
  await answered;
  await page.waitForURL(/start=\d+/);
  const params = new URL(page.url()).searchParams;
  const minutes = (Number(params.get("end")) - Number(params.get("start"))) / 60e6;
  expect(params.get("lookback")).toBe("custom");
  expect(minutes).toBeGreaterThan(34);
  expect(minutes).toBeLessThan(42);

  const errors = await plotOf(page, "Errors");
  await page.mouse.move(errors.x + errors.width / 2 - 3, errors.y);
  await page.mouse.move(errors.x + errors.width / 2, errors.y);
  await page.getByText("Click for its traces").waitFor();
  await page.mouse.click(errors.x + errors.width / 2, errors.y);
  await page.waitForURL("**/search?*");
  const found = new URL(page.url()).searchParams;
  expect(found.get("service")).toBe(SERVICE);
  expect(found.get("q")).toContain("error");
  const step = Number(found.get("end")) - Number(found.get("start"));
  expect(step).toBe(60e6);
});

test("narrows the charts to an operation, and tells the same as a table", async ({ open }) => {
  const page = await open(`/services?service=${SERVICE}&${WINDOW}`);
  const table = page.getByRole("table", { name: `Operations of ${SERVICE}` });
  const row = table.getByRole("row").nth(1);
  await row.waitFor();
  const [operation, , , calls] = await row.locator("td").allTextContents();
  await row.getByRole("link").first().click();
  await page.waitForURL(/operation=/);
  const figure = page
    .locator("dl div")
    .filter({ hasText: /^Spans/ })
    .last();
  await expect.poll(() => figure.textContent()).toBe(`Spans${calls}`);
  await page.getByText(`Operation ${operation}`).waitFor();
  await page.getByRole("button", { name: "Rate as a table" }).click();
  const steps = page.getByRole("table", { name: "Rate" }).locator("tbody tr");
  expect(await steps.count()).toBeGreaterThan(10);
  await page.getByRole("button", { name: "All operations" }).click();
  await page.waitForURL((url) => !url.searchParams.has("operation"));
});

test("says why there is nothing to show", async ({ open }) => {
  const page = await open("/services?service=cns-servize");
  await page.getByRole("heading", { name: "There is no service cns-servize" }).waitFor();
  await page.getByRole("link", { name: SERVICE }).click();
  await page.waitForURL(`**/services?service=${SERVICE}`);

  await page.goto(page.url().replace(/\?.*/, `?service=${SERVICE}&start=1000000&end=2000000`));
  await page.getByRole("heading", { name: `No spans of ${SERVICE} in this` }).waitFor();
  await page.getByRole("button", { name: "Show the last 24 hours" }).click();
  await page.getByRole("table", { name: `Operations of ${SERVICE}` }).waitFor();

  await page.goto(page.url().replace(/\?.*/, `?service=${SERVICE}&kind=producer&${WINDOW}`));
  await page.getByRole("heading", { name: "No producer spans" }).waitFor();
  await page.getByRole("button", { name: "Show all requests" }).click();
  await plotOf(page, "Rate");
});

for (const theme of ["light", "dark"] as const) {
  test(`can be read by all in the ${theme} theme`, async ({ open }) => {
    const page = await open(`/services?${WINDOW}`, { theme });
    await page.getByRole("table", { name: "Services" }).waitFor();
    await expectAccessible(page);
    await keepScreenshot(page, `services-${theme}`);
    await page.getByRole("link", { name: SERVICE }).click();
    await page.getByRole("table", { name: `Operations of ${SERVICE}` }).waitFor();
    await plotOf(page, "Durations");
    await expectAccessible(page);
    await keepScreenshot(page, `service-${theme}`);
    await page.setViewportSize({ width: 390, height: 844 });
    await keepScreenshot(page, `service-narrow-${theme}`);
    const { scrollWidth, clientWidth } = await page.evaluate(() => document.documentElement);
    expect(scrollWidth).toBe(clientWidth);
  });
}
