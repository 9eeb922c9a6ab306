/** Ways through several pages, as people take them. */

import { expect, inject } from "vitest";
import { keepScreenshot, test } from "./browser";
import { sendTrace } from "./sentTraces";

test("by keyboard alone from the search to a trace, a span and its link", async ({ open }) => {
  const page = await open("/search");
  const line = page.getByRole("combobox", { name: /search/i }).first();
  await line.waitFor();
  const isFocused = (href: string) =>
    page.evaluate((href) => document.activeElement?.getAttribute("href")?.includes(href), href);
  await page.keyboard.press("/");
  await page.keyboard.type("service=api-gateway error ");
  await page.keyboard.press("Enter");
  await page.waitForURL(/q=service/);
  await page.locator('main a[href*="/trace/"]').first().waitFor();
  for (let presses = 0; presses < 60 && !(await isFocused("/trace/")); presses++) {
    await page.keyboard.press("Tab");
  }
  expect(await isFocused("/trace/")).toBe(true);
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/trace\/[0-9a-f]{32}/);
  await page.getByRole("treegrid").waitFor();
  await page.keyboard.press("e");
  await page.waitForURL(/sel=[0-9a-f]{16}/);
  await page.keyboard.press("y");
  await page.getByText("Link copied").waitFor();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toMatch(/\/trace\/[0-9a-f]{32}\?.*sel=[0-9a-f]{16}/);
});

test("ten services are told apart without colour", async ({ open }) => {
  const spans = Array.from({ length: 10 }, (_, number) => ({
    id: `span ${number}`,
    ...(number ? { parent: "span 0" } : {}),
    service: `service-${number}`,
    start: number * 10,
    duration: number ? 10 : 110,
  }));
  const traceId = await sendTrace({ url: inject("url"), otlp: inject("otlp") }, spans);
  const page = await open(`/trace/${traceId}`);
  const rows = page.getByRole("row").filter({ hasText: /service-\d/ });
  await expect.poll(() => rows.count()).toBe(10);
  const letters = await rows.evaluateAll((rows) =>
    rows.map((row) => /([A-Z0-9]{2})\s*service-/.exec(row.textContent)?.[1]),
  );
  expect(new Set(letters).size).toBe(10);
  const devtools = await page.context().newCDPSession(page);
  for (const type of ["deuteranopia", "protanopia", "tritanopia"] as const) {
    await devtools.send("Emulation.setEmulatedVisionDeficiency", { type });
    await keepScreenshot(page, `trace-ten-services-${type}`);
  }
});

test("files are opened from the palette, also where the header has no room", async ({ open }) => {
  const page = await open("/search", { width: 390, height: 844 });
  await page.getByRole("button", { name: /Go to/ }).click();
  await page.getByRole("combobox", { name: "Page, service or trace id" }).fill("files");
  await page.getByRole("option", { name: "Open trace files" }).waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: /files/i }).waitFor();
});
