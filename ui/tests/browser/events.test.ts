/** Events of spans in searches: suggested, led to from a span, offered where a name alone finds nothing. */

import { type Page } from "playwright-core";
import { describe, expect, inject } from "vitest";
import { expectAccessible, test } from "./browser";
import { newTraceId, sendTrace, spanIdOf } from "./sentTraces";

const PLATFORM = { url: inject("url"), otlp: inject("otlp") };

const line = (page: Page) => page.getByRole("combobox", { name: "Search line" });
const query = (page: Page) => new URL(page.url()).searchParams.get("q");

/** A trace whose event has a name and a value nobody else has. */
async function sendEvent(): Promise<{ traceId: string; name: string; pool: string }> {
  const mark = newTraceId().slice(0, 8);
  const [name, pool] = [`waited.${mark}`, `pool-${mark}`];
  const events = [{ name, at: 1, attributes: { "db.pool": pool } }];
  return { traceId: await sendTrace(PLATFORM, [{ id: "query", events }]), name, pool };
}

async function isFound(page: Page, traceId: string): Promise<void> {
  await page.getByText(/^1 trace$/).waitFor();
  await page.locator(`a[href*="${traceId}"]`).first().waitFor();
}

describe("events", () => {
  test("are suggested by name and by the values of their attributes", async ({ open }) => {
    const { traceId, name, pool } = await sendEvent();
    const page = await open("/search?lookback=1h");
    await line(page).click();
    await line(page).pressSequentially("even");
    await page.getByRole("option", { name: "event" }).first().click();
    await page.getByRole("option", { name: "event=" }).click();
    await line(page).pressSequentially(name);
    await page.getByRole("option", { name }).click();
    await line(page).pressSequentially("db.pool=pool-");
    await page.getByRole("option", { name: pool }).waitFor();
    await page.getByRole("option", { name: "counted among the newest 100,000 spans" }).waitFor();
    await expectAccessible(page);
    await line(page).fill(`event=${name.slice(0, -1)}* db.pool=*${pool.slice(-4)}`);
    await page.keyboard.press("Enter");
    await isFound(page, traceId);
  });

  test("lead from a span to all that have them", async ({ open }) => {
    const { traceId, name, pool } = await sendEvent();
    const page = await open(`/trace/${traceId}?sel=${spanIdOf("query")}`);
    const magnifier = (key: string) =>
      page.getByRole("link", { name: `Search for spans with this ${key}` });
    await magnifier("event").click();
    await page.waitForURL(/\/search/);
    expect(query(page)).toBe(`event="${name}"`);
    await isFound(page, traceId);
    await page.goBack();
    await magnifier("db.pool").click();
    await page.waitForURL(/\/search/);
    expect(query(page)).toBe(`db.pool="${pool}"`);
    await isFound(page, traceId);
  });

  test("are offered where a name alone finds nothing, and told of in the syntax", async ({
    open,
  }) => {
    const { traceId, name } = await sendEvent();
    const page = await open(`/search?lookback=1h&q=${name}`);
    await page.getByRole("button", { name: `Instead event=${name}` }).click();
    await isFound(page, traceId);
    await page.getByRole("button", { name: "Syntax" }).click();
    await page.getByText("event=…").waitFor();
  });
});
