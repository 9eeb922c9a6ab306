/** What colours, figures and marks mean: one thing, on every page, and the page says which. */

import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject } from "vitest";
import { test } from "./browser";
import { findTraces } from "./demoTraces";
import { playDemo, startPlatform, type Platform } from "./platform";
import { sendTrace } from "./sentTraces";

/** Colours by the letters beside them, as they are painted. */
async function coloursOf(page: Page, part: string): Promise<Record<string, string>> {
  const marks = page.locator(`${part} span[aria-hidden]:has(> span + span)`);
  await marks.first().waitFor();
  await page.waitForLoadState("networkidle");
  const pairs = await marks.evaluateAll((marks) =>
    marks.map((mark): [string, string] => [
      mark.lastElementChild!.textContent,
      getComputedStyle(mark.firstElementChild!).background,
    ]),
  );
  return Object.fromEntries(pairs.filter(([letters]) => /^[A-Z]{2}$/.test(letters)));
}

/** The demo alone: other tests send spans of more services than there are colours. */
let alone: Platform;

beforeAll(async () => {
  alone = await startPlatform();
  await playDemo(alone.otlp, ["--history", "10m", "--duration", "0s"]);
});

afterAll(() => alone.stop());

test("a service has the same colour on every page", async ({ open }) => {
  const { url } = alone;
  const q = encodeURIComponent('service=api-gateway operation="POST /v1/tenants"');
  const search = await open(`/search?q=${q}&lookback=1h`, { url });
  const found = await coloursOf(search, '[role="table"]');
  const links = search.locator('[role="table"] a[href*="/trace/"]');
  const hrefs = await links.evaluateAll((links) => links.map((link) => link.getAttribute("href")!));
  const [trace, other] = new Set(hrefs.map((href) => /[0-9a-f]{32}/.exec(href)![0]));
  const pages = [
    await coloursOf(await open("/services?lookback=1h", { url }), "tbody"),
    await coloursOf(await open(`/trace/${trace}`, { url }), '[aria-label="Services"]'),
    await coloursOf(await open(`/trace/${trace}...${other}`, { url }), "main"),
  ];
  const [listed] = pages;
  expect(new Set(Object.values(listed!)).size).toBe(8);
  for (const shown of [found, ...pages]) {
    expect(Object.keys(shown).length).toBeGreaterThanOrEqual(5);
    expect(listed).toMatchObject(shown);
  }
});

test("an event before its span has one sign, and shares say of what they are", async ({ open }) => {
  const traceId = await sendTrace({ url: inject("url"), otlp: inject("otlp") }, [
    { id: "root", name: "GET /early", duration: 400 },
    { id: "work", parent: "root", start: 200, duration: 100, events: [{ name: "retry", at: 87 }] },
  ]);
  const page = await open(`/trace/${traceId}`);
  await page.getByRole("row", { name: /work/ }).first().click();
  await page.getByText("−113 ms", { exact: true }).waitFor();
  await page.getByText("25.0 % of the trace").waitFor();
  await page.getByTitle("Of the 400 ms the trace took, from its first span to its last").waitFor();
  await page.getByText("Most self time").waitFor();
  await page.getByTitle(/^100 ms of the 400 ms of self time that all spans have/).waitFor();
});

test("differing clocks say what corrects them, and hatching what it means", async ({ open }) => {
  const [trace] = await findTraces("service=enrichment-service");
  const page = await open(`/trace/${trace}`);
  await page
    .getByText(/^Clocks differ by up to 18\d ms; times are not corrected: max_clock/)
    .waitFor();
  await page.getByRole("button", { name: "Show" }).click();
  await page.getByRole("checkbox", { name: "Hatch gaps, where no span below ran" }).waitFor();
  await page.getByText("Red stripes at the end of a bar: the span failed.").waitFor();
});

test("stacks and keys are seen whole, and names in part where there is little room", async ({
  open,
}) => {
  const frame = `  File "/srv/${"deep/".repeat(20)}shop.py", line 1, in checkout`;
  const stack = ["Traceback (most recent call last):", frame, "KeyError: 'card'"].join("\n");
  const chain = Array.from({ length: 9 }, (_, level) => ({
    id: `level ${level}`,
    ...(level ? { parent: `level ${level - 1}` } : {}),
    service: "checkout-service",
    name: "CREATE TABLE a_table_with_a_long_name",
    duration: 100 - level,
  }));
  const attributes = { "exception.type": "KeyError", "exception.stacktrace": stack };
  const failed = {
    ...chain[8]!,
    error: "card",
    events: [{ name: "exception", at: 5, attributes }],
  };
  const traceId = await sendTrace({ url: inject("url"), otlp: inject("otlp") }, [
    ...chain.slice(0, 8),
    failed,
  ]);
  const page = await open(`/trace/${traceId}`);
  await page.getByRole("button", { name: "Next error (e)" }).first().click();
  const shown = page.getByRole("complementary").getByText("Traceback");
  const fits = (element: Element) => element.scrollWidth <= element.parentElement!.clientWidth;
  expect(await shown.evaluate(fits)).toBe(true);
  expect(await shown.textContent()).toContain(frame);
  const services = page.getByRole("treegrid").getByText("checkout-service", { exact: true });
  const widths = await services.evaluateAll((names) => names.map((name) => name.clientWidth));
  expect(Math.min(...widths)).toBeGreaterThan(30);

  const search = await open("/search?q=db.client.connection.pool.name%3Dmain&lookback=1h");
  const key = search.getByRole("combobox", { name: "Key" });
  await expect.poll(() => key.inputValue()).toBe("db.client.connection.pool.name");
  expect(await key.evaluate((input) => input.scrollWidth <= input.clientWidth)).toBe(true);
});
