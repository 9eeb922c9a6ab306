/** The views of a trace besides the waterfall. */

import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import { beforeAll, expect, inject } from "vitest";
import { expectAccessible, keepScreenshot, test } from "./browser";
import { findTraces } from "./demoTraces";
import { sendTrace } from "./sentTraces";

let traceId: string;

beforeAll(async () => {
  // One that failed, so that there are exceptions in its log.
  [traceId] = (await findTraces('operation="POST /v1/boms/{bom_id}/enrich"', "errors")) as [string];
});

const VIEWS = ["table", "statistics", "flame", "logs", "json"] as const;
const REGIONS: Readonly<Record<(typeof VIEWS)[number], string>> = {
  table: "Table of spans",
  statistics: "Statistics",
  flame: "Flame graph",
  logs: "Logs",
  json: "JSON",
};

async function numberIn(page: Page, text: RegExp): Promise<number> {
  const status = await page.getByRole("status").filter({ hasText: text }).textContent();
  return Number(text.exec(status ?? "")?.[1]?.replaceAll(",", ""));
}

for (const view of VIEWS) {
  for (const theme of ["light", "dark"] as const) {
    test(`shows ${view} in ${theme}, open to everyone`, async ({ open }) => {
      const page = await open(`/trace/${traceId}?v=${view}`, { theme });
      await page.getByRole("region", { name: REGIONS[view], exact: true }).waitFor();
      await page.getByRole("status").first().waitFor();
      await expectAccessible(page);
      await keepScreenshot(page, `trace-${view}-${theme}`);
    });
  }
}

test("sorts and filters the table, adds an attribute, and exports it", async ({ open }) => {
  const page = await open(`/trace/${traceId}?v=table`);
  const all = await numberIn(page, /^([\d,]+) spans$/);
  expect(await page.getByRole("grid").getAttribute("aria-rowcount")).toBe(String(all + 1));
  await page.getByRole("button", { name: "Self time" }).click();
  await page
    .getByRole("columnheader", { name: "Self time" })
    .and(page.locator("[aria-sort=descending]"))
    .waitFor();
  await page.getByRole("button", { name: "Columns" }).click();
  await page.getByRole("checkbox", { name: "http.request.method", exact: true }).check();
  await page.keyboard.press("Escape");
  await page.getByRole("columnheader", { name: "http.request.method" }).waitFor();
  await page.getByRole("searchbox", { name: "Filter spans" }).fill("enrichment post");
  await page
    .getByRole("status")
    .filter({ hasText: /^\d+ of / })
    .waitFor();
  const shown = await numberIn(page, /^([\d,]+) of [\d,]+ spans$/);
  expect(shown).toBeLessThan(all);
  const downloading = page.waitForEvent("download");
  await page.getByRole("button", { name: "CSV" }).click();
  const csv = await readFile(await (await downloading).path(), "utf8");
  const lines = csv.trimEnd().split("\r\n");
  expect(lines[0]).toBe(
    "span_id,parent_span_id,service,operation,start_offset_nanos,duration_nanos,self_nanos,kind,status,http.request.method",
  );
  expect(lines.length).toBe(shown + 1);
  const selfTimes = lines.slice(1).map((line) => Number(line.split(",")[6]));
  expect(selfTimes).toEqual(selfTimes.toSorted((one, other) => other - one));
  // Sort and columns are part of the link.
  await page.reload();
  await page.getByRole("columnheader", { name: "http.request.method" }).waitFor();
});

test("walks the table by keys and selects a span", async ({ open }) => {
  const page = await open(`/trace/${traceId}?v=table`);
  await page.locator("[role=row][tabindex='0']").focus();
  await page.keyboard.press("End");
  const last = page.locator("[role=row]:focus");
  await last.waitFor();
  expect(await last.getAttribute("aria-rowindex")).toBe(
    await page.getByRole("grid").getAttribute("aria-rowcount"),
  );
  await page.keyboard.press("Enter");
  await page.waitForURL(/[?&]sel=[0-9a-f]{16}/);
});

test("groups spans, and finds a group's in the waterfall", async ({ open }) => {
  const page = await open(`/trace/${traceId}?v=statistics`);
  const groups = page.getByRole("treegrid", { name: "Statistics of groups of spans" });
  const first = groups.getByRole("row", { name: /enrichment-service/ });
  await first.getByRole("button", { name: "Collapse" }).click();
  expect(await first.getAttribute("aria-expanded")).toBe("false");
  await page
    .getByRole("combobox", { name: "Group by", exact: true })
    .selectOption("@http.request.method");
  await page.getByRole("combobox", { name: "Then by" }).selectOption("none");
  await groups.getByRole("row", { name: /POST/ }).click();
  await page.waitForURL((url) => url.searchParams.get("uiFind") === '"http.request.method=POST"');
  expect(new URL(page.url()).searchParams.get("v")).toBeNull();
});

test("zooms the flame graph, walks it by keys, and has a table twin", async ({ open }) => {
  const page = await open(`/trace/${traceId}?v=flame`);
  const graph = page.getByRole("application", { name: /^Flame graph/ });
  const showAll = page.getByRole("button", { name: "Show all" });
  expect(await showAll.isDisabled()).toBe(true);
  await graph.focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page
    .getByRole("status")
    .filter({ hasText: /enrichment-service POST/ })
    .waitFor();
  await page.keyboard.press("Enter");
  expect(await showAll.isDisabled()).toBe(false);
  await page.keyboard.press("Escape");
  expect(await showAll.isDisabled()).toBe(true);
  await page.keyboard.press(" ");
  await page.waitForURL(/[?&]sel=/);
  await page.getByRole("button", { name: "Merged, self" }).click();
  await page.getByRole("button", { name: "As table" }).click();
  const twin = page.getByRole("grid", { name: "Boxes of the flame graph" });
  await twin.getByRole("row", { name: /ask suppliers.*1 span, total/ }).waitFor();
});

test("marks what matches in every view, unless nothing else is shown", async ({ open }) => {
  // The shorter of two alike spans matches: merged, they are one box.
  const sent = await sendTrace({ url: inject("url"), otlp: inject("otlp") }, [
    { id: "root", name: "buy", duration: 50 },
    { id: "one", parent: "root", name: "pay", duration: 20 },
    { id: "two", parent: "root", name: "pay", duration: 5, attributes: { card: "gold" } },
  ]);
  const page = await open(`/trace/${sent}?v=table&uiFind=gold`);
  const origin = new URL(page.url()).origin;
  const marked = page.getByRole("row").filter({ hasText: "Match:" });
  await expect.poll(() => marked.count()).toBe(1);
  expect(await marked.textContent()).toContain("5.00 ms");
  await page.getByRole("checkbox", { name: "Matches only" }).check();
  await page.getByText("Only spans that match: 1 of 3 spans").waitFor();
  expect(await marked.count()).toBe(0);

  await page.goto(`${origin}/trace/${sent}?v=statistics&uiFind=gold`);
  await expect.poll(() => marked.count()).toBe(2);
  for (const text of await marked.allTextContents()) expect(text).toContain("1 found");

  await page.goto(`${origin}/trace/${sent}?v=flame&flame=self&twin=table&uiFind=gold`);
  await expect.poll(() => marked.count()).toBe(1);
  expect(await marked.textContent()).toContain("pay");
});

test("tells the share of the execution time of every service", async ({ open }) => {
  const page = await open(`/trace/${traceId}?v=flame`);
  const legend = page.getByRole("list", { name: "Share of the execution time" });
  await legend.waitFor();
  const shares = (await legend.getByRole("listitem").allTextContents()).map((text) =>
    Number(/([\d.]+) %$/.exec(text)?.[1]),
  );
  expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(100, 0);
});

test("shows exceptions with their stacks, and goes to their spans", async ({ open }) => {
  const page = await open(`/trace/${traceId}?v=logs`);
  await page.getByRole("checkbox", { name: "Exceptions only" }).check();
  const exception = page.getByRole("row", { name: /exception/ }).first();
  await exception.click();
  await page.locator("pre").first().waitFor();
  expect(await page.locator("pre").first().textContent()).toContain("Error");
  await exception
    .getByRole("button", { name: /^ES|^AG|^CS|./ })
    .first()
    .click();
  await page.waitForURL(/[?&]sel=[0-9a-f]{16}/);
});

test("shows JSON of Jaeger and OTLP, and downloads what is shown", async ({ open }) => {
  const page = await open(`/trace/${traceId}?v=json`);
  const text = page.getByRole("region", { name: "JSON of the trace" });
  await text.getByText(`"traceID": "${traceId}"`).first().waitFor();
  await page.getByRole("button", { name: "OTLP" }).click();
  await text.getByText('"resourceSpans"').waitFor();
  const downloading = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download", exact: true }).click();
  const saved = JSON.parse(await readFile(await (await downloading).path(), "utf8")) as object;
  expect(Object.keys(saved)).toEqual(["resourceSpans"]);
});
