/** Two traces compared. */

import { beforeAll, expect, inject } from "vitest";
import { expectAccessible, keepScreenshot, test } from "./browser";
import { findTraces } from "./demoTraces";

const CHAIN = 10_000;

/** Stores a trace with a path for each of its spans, and returns its id. */
async function sendChain(seed: number): Promise<string> {
  const traceId = seed.toString(16).padStart(32, "c");
  const begin = BigInt(Date.now()) * 1_000_000n;
  const id = (index: number) => (index + 1).toString(16).padStart(16, "0");
  const spans = Array.from({ length: CHAIN }, (_, index) => ({
    ...{ traceId, spanId: id(index), name: `step ${index}`, kind: 1 },
    parentSpanId: index ? id(Math.floor((index - 1) / 8)) : "",
    startTimeUnixNano: String(begin + BigInt(index)),
    endTimeUnixNano: String(begin + BigInt(index + seed * 1000)),
  }));
  const service = { key: "service.name", value: { stringValue: "chain" } };
  const response = await fetch(`${inject("otlp")}/v1/traces`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      resourceSpans: [{ resource: { attributes: [service] }, scopeSpans: [{ spans }] }],
    }),
  });
  expect(response.status).toBe(200);
  return traceId;
}

let fast: string;
let slow: string;

beforeAll(async () => {
  const ids = await findTraces('operation="POST /v1/boms/{bom_id}/enrich"', "longest");
  slow = ids[0]!;
  fast = ids.at(-1)!;
});

test("shows structure and durations of both, and tells the kinds of difference", async ({
  open,
}) => {
  const page = await open(`/trace/${fast}...${slow}`);
  const tree = page.getByRole("treegrid", { name: "Paths of both traces" });
  const root = tree.getByRole("row", { name: /POST \/v1\/boms/ }).first();
  // A's and B's duration, and the difference, each with its unit.
  expect(await root.textContent()).toMatch(/Changed.*\d (ms|s)\d.* (ms|s)\+\d.* (ms|s)/);
  expect(await root.getAttribute("aria-level")).toBe("1");
  await page.getByText(/^B took .* longer than A/).waitFor();
  for (const kind of ["Only in B", "Only in A", "Changed", "Same"]) {
    await page.getByRole("button", { name: new RegExp(`^${kind}`) }).waitFor();
  }
});

for (const theme of ["light", "dark"] as const) {
  test(`is open to everyone in ${theme}`, async ({ open }) => {
    const page = await open(`/trace/${fast}...${slow}`, { theme });
    await page.getByRole("treegrid").getByRole("row").nth(2).waitFor();
    await expectAccessible(page);
    await keepScreenshot(page, `compare-structure-${theme}`);
    await page.getByRole("button", { name: "What got slower" }).click();
    await page.getByRole("grid", { name: "What got slower or faster" }).waitFor();
    await expectAccessible(page);
    await keepScreenshot(page, `compare-slower-${theme}`);
  });
}

test("lists what got slower, the largest contribution first", async ({ open }) => {
  const page = await open(`/trace/${fast}...${slow}?v=slower`);
  const grid = page.getByRole("grid", { name: "What got slower or faster" });
  const contribution = grid.getByRole("columnheader", { name: "Contribution" });
  expect(await contribution.getAttribute("aria-sort")).toBe("descending");
  const first = grid.getByRole("row").nth(1);
  expect(await first.getByRole("gridcell").nth(2).textContent()).toMatch(/^\+/);
  await contribution.getByRole("button").click();
  expect(await contribution.getAttribute("aria-sort")).toBe("ascending");
});

test("leads into the trace at the span of a row", async ({ open }) => {
  const page = await open(`/trace/${fast}...${slow}`);
  await page
    .getByRole("link", { name: /^Open the longest span of .* in B$/ })
    .nth(2)
    .click();
  await page.waitForURL(new RegExp(`/trace/${slow}\\?sel=[0-9a-f]{16}`));
});

test("swaps the traces and keeps unknown parameters", async ({ open }) => {
  const page = await open(`/trace/${fast}...${slow}?mine=1`);
  await page.getByText(/^B took .* longer than A/).waitFor();
  await page.keyboard.press("x");
  await page.waitForURL(`**/trace/${slow}...${fast}?mine=1**`);
  await page.getByText(/^B took .* less than A/).waitFor();
});

test("narrows the tree to kinds and names", async ({ open }) => {
  const page = await open(`/trace/${fast}...${slow}`);
  const rows = page.getByRole("treegrid").getByRole("row");
  await rows.nth(3).waitFor();
  const all = await rows.count();
  await page.getByRole("searchbox", { name: "Find paths" }).fill("suppliers");
  await page.waitForURL(/uiFind=suppliers/);
  await expect.poll(() => rows.count()).toBeLessThan(all);
  expect(await rows.last().textContent()).toContain("ask suppliers");
  await page.getByRole("searchbox", { name: "Find paths" }).fill("");
  await expect.poll(() => rows.count()).toBe(all);
  await page.keyboard.press("Tab");
  await page.locator("[role=row][tabindex='0']").focus();
  await page.keyboard.press("ArrowLeft");
  await expect.poll(() => rows.count()).toBe(2);
});

test("takes a missing side, offers the cohort and the typical trace", async ({ open }) => {
  const page = await open(`/trace/${slow}...?cohort=${fast}`);
  await page.getByText("One trace is missing").waitFor();
  await page.getByRole("button", { name: "Change B: choose another trace" }).click();
  await page.getByRole("button", { name: /^Typical of A: median of/ }).waitFor();
  await page.getByRole("combobox", { name: "Trace id" }).fill(fast.slice(0, 4));
  await page.getByRole("option", { name: fast }).click();
  await page.waitForURL(`**/trace/${slow}...${fast}?**`);
  await page.getByRole("treegrid").waitFor();
});

test("draws the rows in sight alone, also of traces with thousands of paths", async ({ open }) => {
  const [first, second] = [await sendChain(1), await sendChain(2)];
  for (const width of [1440, 390]) {
    const page = await open(`/trace/${first}...${second}`, { width });
    const tree = page.getByRole("treegrid");
    await tree.getByRole("row", { name: /step 0/ }).waitFor();
    expect(await tree.getAttribute("aria-rowcount")).toBe(String(CHAIN + 1));
    expect(await tree.getByRole("row").count()).toBeLessThan(100);
  }
});

test("says which trace is not there", async ({ open }) => {
  const gone = "0123456789abcdef0123456789abcdef";
  const page = await open(`/trace/${fast}...${gone}`, { expectedErrors: ["404"] });
  await page
    .getByRole("alert")
    .filter({ hasText: `There is no trace ${gone}` })
    .waitFor();
  await page.getByText("One trace is missing").waitFor();
});
