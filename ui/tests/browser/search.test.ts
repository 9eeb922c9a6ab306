/** The search page: line and fields, old links, charts, the list, comparison, going back. */

import { type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { expectAccessible, keepScreenshot, test } from "./browser";
import { startPlatform, type Platform } from "./platform";

const row = (page: Page, index: number) =>
  page
    .getByRole("table", { name: "Traces" })
    .getByRole("row")
    .nth(index + 1);
const links = (page: Page) => page.getByRole("table", { name: "Traces" }).getByRole("link");
const line = (page: Page) => page.getByRole("combobox", { name: "Search line" });
const parameter = (page: Page, name: string) => new URL(page.url()).searchParams.get(name);

/** Waits until nothing of the search before is shown any more. */
async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() => !document.querySelector("[data-stale]"));
}

/** Opens the page and waits for its first traces. */
async function traceIds(page: Page): Promise<readonly string[]> {
  await links(page).first().waitFor();
  const hrefs = await links(page).evaluateAll((all) => all.map((one) => one.getAttribute("href")));
  return hrefs.map((href) => /trace\/([0-9a-f]{32})/.exec(href ?? "")?.[1] ?? "");
}

describe("links of Jaeger", () => {
  test("with nothing but a lookback fill the form and show results", async ({ open }) => {
    const page = await open("/search?lookback=2d&unknown=kept");
    await links(page).first().waitFor();
    await page.getByRole("button", { name: "Last 2 days" }).waitFor();
    await page.getByRole("button", { name: "Live" }).waitFor();
    await page.getByRole("combobox", { name: "Status" }).selectOption("error");
    await page.waitForURL(/q=error/);
    expect(parameter(page, "unknown")).toBe("kept");
    expect(parameter(page, "lookback")).toBe("2d");
  });

  test("with all their conditions become one line, and its fields", async ({ open }) => {
    const tags = encodeURIComponent(
      JSON.stringify({ "http.request.method": "GET", error: "false" }),
    );
    const page = await open(
      `/search?service=api-gateway&operation=all&tags=${tags}&minDuration=1ms&maxDuration=1m&lookback=2h&limit=50`,
    );
    await links(page).first().waitFor();
    expect(await line(page).inputValue()).toBe(
      "service=api-gateway http.request.method=GET -error duration>=1ms duration<=1m",
    );
    expect(await page.getByRole("combobox", { name: "Service" }).inputValue()).toBe("api-gateway");
    expect(await page.getByRole("textbox", { name: "Min duration" }).inputValue()).toBe("1ms");
    expect(await page.getByRole("combobox", { name: "Key" }).inputValue()).toBe(
      "http.request.method",
    );
    await page.getByRole("button", { name: "Remove -error" }).click();
    await page.waitForURL(/q=/);
    expect(parameter(page, "service")).toBeNull();
    expect(parameter(page, "q")).toBe(
      "service=api-gateway http.request.method=GET duration>=1ms duration<=1m",
    );
  });

  test("that name traces show these", async ({ open }) => {
    const page = await open("/search?lookback=2h");
    const [first, second] = await traceIds(page);
    await page.goto(page.url().replace(/\?.*/, `?traceID=${first}&traceID=${second}&traceID=beef`));
    await page.getByText("3 traces named by the link").waitFor();
    expect([...(await traceIds(page))].sort()).toEqual([first, second].sort());
    await page.getByText(/beef/).waitFor();
  });
});

describe("the line", () => {
  test("suggests names, operators and values of the data while one types", async ({ open }) => {
    const page = await open("/search?lookback=2h");
    await line(page).click();
    await line(page).pressSequentially("tenant");
    await page.getByRole("option", { name: "tenant.id" }).click();
    await page.getByRole("option", { name: "tenant.id=" }).click();
    const value = page.getByRole("option").filter({ hasText: /^123/ }).first();
    const chosen = await value.locator("span").first().textContent();
    await value.click();
    expect(await line(page).inputValue()).toBe(`tenant.id=${chosen} `);
    await line(page).pressSequentially("kind=se");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    expect(await line(page).inputValue()).toBe(`tenant.id=${chosen} kind=server `);
    await page.keyboard.press("Enter");
    await page.waitForURL(/q=tenant/);
    await links(page).first().waitFor();
    expect(await page.getByRole("combobox", { name: "Kind" }).inputValue()).toBe("server");
  });

  test("suggests values of the service it asks for", async ({ open }) => {
    const page = await open("/search?lookback=2h");
    await line(page).click();
    await line(page).pressSequentially("service=cns-service service.name=");
    const options = page.getByRole("listbox", { name: "Suggestions" }).getByRole("option");
    await options.filter({ hasText: "newest 100,000 spans of cns-service" }).waitFor();
    await options.filter({ hasText: /^cns-service/ }).waitFor();
    expect(await options.count()).toBe(2);
  });

  test("says what is broken and where, and where to mend it", async ({ open }) => {
    const page = await open("/search?lookback=2h", { expectedErrors: ["status of 400"] });
    await line(page).fill("error duration>>1s");
    await line(page).press("Enter");
    const problem = page.getByRole("alert").filter({ hasText: "Character 7" });
    await problem.getByText("is not a duration").waitFor();
    expect(await problem.locator("mark").textContent()).toBe("duration>>1s");
    await problem.getByRole("button", { name: "Show in query" }).click();
    await page.waitForFunction(() => {
      const input = document.activeElement;
      return input instanceof HTMLInputElement && input.selectionStart === 6;
    });
    await line(page).fill("error duration>1ms");
    await line(page).press("Enter");
    await links(page).first().waitFor();
    expect(await page.getByRole("alert").count()).toBe(0);
  });

  test("opens a trace whose id is written or pasted into it", async ({ open }) => {
    const page = await open("/search?lookback=2h");
    const [traceId] = await traceIds(page);
    await line(page).fill(traceId!.toUpperCase());
    await line(page).press("Enter");
    await page.waitForURL(`**/trace/${traceId}`);
    await page.goBack();
    await page.evaluate((text) => navigator.clipboard.writeText(text), traceId!);
    await line(page).click();
    await page.keyboard.press("Control+v");
    await page.waitForURL(`**/trace/${traceId}`);
  });

  test("remembers what was searched for until it is told to forget", async ({ open }) => {
    const page = await open("/search?lookback=2h");
    await line(page).fill("error kind=client");
    const answered = page.waitForResponse(/\/v1\/search\?.*kind/);
    await line(page).press("Enter");
    await page.waitForURL(/kind/);
    await answered;
    await settled(page);
    await page.getByRole("button", { name: "Clear the search" }).click();
    await page.getByRole("button", { name: "Recent searches" }).click();
    await page.getByRole("button", { name: "error kind=client" }).click();
    expect(await line(page).inputValue()).toBe("error kind=client");
    await page.getByRole("button", { name: "Recent searches" }).click();
    await page.getByRole("button", { name: "Forget them" }).click();
    await page.getByRole("button", { name: "Recent searches" }).click();
    await page.getByText("Lines you search for are listed here.").waitFor();
  });
});

describe("the fields", () => {
  test("change their part of the line and leave the rest", async ({ open }) => {
    const page = await open(
      `/search?lookback=2h&q=${encodeURIComponent("(error OR kind=server)")}`,
    );
    const service = page.getByRole("combobox", { name: "Service" });
    await service.click();
    await service.fill("billing");
    await page.getByRole("option", { name: "billing-service" }).click();
    await page.waitForURL(/billing/);
    await page.getByRole("textbox", { name: "Min duration" }).fill("1ms");
    await page.keyboard.press("Tab");
    await page.waitForURL(/1ms/);
    expect(await line(page).inputValue()).toBe(
      "(error OR kind=server) service=billing-service duration>=1ms",
    );
    await page.getByRole("button", { name: "Remove (error OR kind=server)" }).click();
    await page.waitForURL((url) => !url.search.includes("OR"));
    await links(page).first().waitFor();
  });

  test("add conditions about attributes, with keys and values of the data", async ({ open }) => {
    const page = await open("/search?lookback=2h");
    await page.getByRole("button", { name: "Attribute", exact: true }).click();
    const key = page.getByRole("combobox", { name: "Key" });
    await key.fill("tenant.i");
    await page.getByRole("option", { name: "tenant.id" }).click();
    const value = page.getByRole("combobox", { name: "Value" });
    await value.click();
    await page.getByRole("option").filter({ hasText: /^123/ }).first().click();
    await page.waitForURL(/tenant/);
    expect(parameter(page, "q")).toMatch(/^tenant\.id=123\d+$/);
    await page.getByRole("combobox", { name: "Comparison" }).selectOption("exists");
    await page.waitForURL(/q=tenant.id(&|$)/);
    // Half a condition is none: the line keeps the old one until there is a value.
    await page.getByRole("combobox", { name: "Comparison" }).selectOption("!=");
    expect(parameter(page, "q")).toBe("tenant.id");
    await page.getByRole("combobox", { name: "Value" }).fill("x y");
    await page.keyboard.press("Enter");
    await page.waitForURL(/x/);
    expect(parameter(page, "q")).toBe('tenant.id!="x y"');
    await page.getByRole("combobox", { name: "Value" }).fill("");
    await page.keyboard.press("Enter");
    await page.waitForURL(/q=tenant.id(&|$)/);
    await page.getByRole("button", { name: "Remove the condition about tenant.id" }).click();
    await page.waitForURL((url) => !url.searchParams.has("q"));
  });

  test("say how a duration is written", async ({ open }) => {
    const page = await open("/search?lookback=2h");
    await page.getByRole("textbox", { name: "Max duration" }).fill("5 minutes");
    await page.getByText("Such as 500us, 100ms, 1.2s").waitFor();
    expect(parameter(page, "q")).toBeNull();
  });
});

test("asks about a range between two points in time", async ({ open }) => {
  const page = await open("/search?lookback=2h&q=error");
  await links(page).first().waitFor();
  await page.getByRole("button", { name: "Last 2 hours" }).click();
  await page.getByRole("textbox", { name: "From" }).fill("2020-01-01 10:00");
  await page.getByRole("textbox", { name: "To" }).fill("2020-01-02T10:00Z");
  await page.getByRole("button", { name: "Apply" }).click();
  await page.getByRole("heading", { name: "No trace matches" }).waitFor();
  // Without an offset a time is in the zone of the browser, five and a half hours ahead.
  expect(parameter(page, "start")).toBe(String(Date.UTC(2020, 0, 1, 4, 30) * 1000));
  expect(parameter(page, "end")).toBe(String(Date.UTC(2020, 0, 2, 10) * 1000));
  expect(await page.getByRole("button", { name: "Live" }).isDisabled()).toBe(true);
  await page.getByRole("button", { name: "Last 24 hours" }).click();
  await links(page).first().waitFor();
});

test("keeps what is typed into the line when a field is used before Enter", async ({ open }) => {
  const page = await open("/search?lookback=2h");
  await links(page).first().waitFor();
  await line(page).fill("error");
  const kind = page.getByRole("combobox", { name: "Kind" });
  await kind.focus();
  await kind.selectOption("server");
  await page.waitForURL(/kind/);
  expect(parameter(page, "q")).toBe("error kind=server");
});

test("Enter in the line leads to the first row, unless one writes on", async ({ open }) => {
  const page = await open("/search?lookback=2h");
  await links(page).first().waitFor();
  await line(page).fill("error");
  await line(page).press("Enter");
  await page.waitForURL(/q=error/);
  await settled(page);
  const isFirst = () =>
    links(page)
      .first()
      .evaluate((link) => link === document.activeElement);
  await expect.poll(isFirst).toBe(true);
  await page.keyboard.press("/");
  await page.keyboard.type("x=nothing_of_that");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "No trace matches" }).waitFor();
  expect(await line(page).evaluate((line) => line === document.activeElement)).toBe(true);
});

test("explains its language beside the line", async ({ open }) => {
  const page = await open("/search?lookback=2h");
  await page.getByRole("button", { name: "Syntax" }).click();
  await page.getByText("http.response.status_code>=500").waitFor();
  await expectAccessible(page);
  await page.keyboard.press("Escape");
  await page.getByText("http.response.status_code>=500").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Syntax" }).click();
  await page.getByRole("button", { name: "http.response.status_code>=500" }).click();
  await expect.poll(() => parameter(page, "q")).toBe("http.response.status_code>=500");
});

describe("the list", () => {
  test("tells the offset of its times in the head, and in full of each", async ({ open }) => {
    const page = await open("/search?lookback=2h");
    const time = row(page, 0).locator("time");
    await page.getByRole("columnheader", { name: "Start (+05:30)" }).waitFor();
    expect(await time.textContent()).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$/);
    expect(await time.getAttribute("title")).toMatch(/\.\d{6} \+05:30$/);
  });

  test("says that there are more than it shows, and loads them", async ({ open }) => {
    const page = await open("/search?lookback=2h");
    await links(page).first().waitFor();
    await page.getByText(/^20 of [\d,]+ traces$/).waitFor();
    const first = await traceIds(page);
    await page.getByRole("button", { name: "Load 20 more" }).click();
    await page.getByText(/^40 of [\d,]+ traces$/).waitFor();
    const both = await traceIds(page);
    expect(both.slice(0, 20)).toEqual(first);
    expect(new Set(both).size).toBe(40);
  });

  test("is ordered by the server: the longest of all, not of those shown", async ({ open }) => {
    const page = await open("/search?lookback=2h");
    const newest = await traceIds(page);
    await page.getByRole("columnheader", { name: "Duration" }).getByRole("button").click();
    await page.waitForURL(/order=longest/);
    await settled(page);
    const answer = await page.request.get(
      new URL("/api/ananta/v1/search?order=longest&limit=1", page.url()).href,
    );
    const { traces } = (await answer.json()) as { traces: { trace_id: string }[] };
    const longest = await traceIds(page);
    expect(longest[0]).toBe(traces[0]!.trace_id);
    expect(longest).not.toEqual(newest);
  });

  test("begins with the oldest by the menu, or by another click on the start", async ({ open }) => {
    const page = await open("/search?lookback=2h&q=operation=*");
    const start = page.getByRole("columnheader", { name: "Start" });
    await links(page).first().waitFor();
    await start.getByRole("button").click();
    await page.waitForURL(/order=oldest/);
    await page.getByText("Oldest first").waitFor({ state: "attached" });
    expect(await start.getAttribute("aria-sort")).toBe("ascending");
    await settled(page);
    const oldest = await traceIds(page);
    await page.getByRole("combobox", { name: "Order" }).selectOption("Newest first");
    await page.waitForURL((url) => !url.searchParams.has("order"));
    await settled(page);
    const newest = await traceIds(page);
    expect(oldest).not.toContain(newest[0]);
    const summary = async (traceId: string) => {
      const path = `/api/ananta/v1/traces?traceID=${traceId}`;
      const answer = await page.request.get(new URL(path, page.url()).href);
      return ((await answer.json()) as { start_micros: number }[])[0]!.start_micros;
    };
    expect(await summary(oldest[0]!)).toBeLessThan(await summary(oldest.at(-1)!));
    expect(await summary(oldest.at(-1)!)).toBeLessThan(await summary(newest.at(-1)!));
  });

  test("is as it was after going back: rows, order, place", async ({ open }) => {
    const page = await open("/search?lookback=2h");
    await page.getByRole("columnheader", { name: "Duration" }).getByRole("button").click();
    await page.waitForURL(/order=longest/);
    await page.getByRole("button", { name: "Load 20 more" }).click();
    await page.getByText(/^40 of/).waitFor();
    const before = await traceIds(page);
    await row(page, 35).scrollIntoViewIfNeeded();
    await page.mouse.wheel(0, 60);
    await page.waitForTimeout(200);
    const scrolled = await page.evaluate(() => scrollY);
    expect(scrolled).toBeGreaterThan(200);
    await links(page).nth(34).click();
    await page.waitForURL(/\/trace\//);
    await page.goBack();
    await page.getByText(/^40 of/).waitFor();
    expect(await traceIds(page)).toEqual(before);
    await page.waitForFunction((place) => Math.abs(scrollY - place) < 2, scrolled);
    const sorted = page.getByRole("columnheader", { name: "Duration" });
    expect(await sorted.getAttribute("aria-sort")).toBe("descending");
  });

  test("goes back from one search to the one before", async ({ open }) => {
    const page = await open("/search?lookback=2h");
    const before = await traceIds(page);
    await line(page).fill("error");
    await line(page).press("Enter");
    await page.waitForURL(/q=error/);
    await page.goBack();
    await page.waitForFunction(() => !location.search.includes("error"));
    expect(await line(page).inputValue()).toBe("");
    await settled(page);
    expect(await traceIds(page)).toEqual(before);
  });

  test("carries attributes that were searched for to the trace", async ({ open }) => {
    const page = await open("/search?lookback=2h&q=tenant.id%3D12345");
    const href = await links(page).first().getAttribute("href");
    expect(new URL(href!, page.url()).searchParams.get("uiFind")).toBe("tenant.id=12345");
  });

  test("keeps traces picked from two searches for comparison", async ({ open }) => {
    const page = await open("/search?lookback=2h&q=error");
    const [first] = await traceIds(page);
    await row(page, 0).getByRole("checkbox").check();
    await line(page).fill("-error kind=server");
    await line(page).press("Enter");
    await page.waitForURL(/kind/);
    await settled(page);
    const second = (await traceIds(page)).find((id) => id !== first);
    await page.locator(`[role=row]:has(a[href*="${second}"])`).getByRole("checkbox").check();
    const bar = page.getByRole("region", { name: "Picked for comparison" });
    expect(await bar.getByRole("listitem").count()).toBe(2);
    await page.reload();
    await bar.getByRole("link", { name: "Compare" }).click();
    await page.waitForURL(`**/trace/${first}...${second}`);
  });

  test("sums traces up by the operation they begin with", async ({ open }) => {
    const page = await open("/search?lookback=2h");
    await page.getByRole("button", { name: "By operation" }).click();
    const table = page.getByRole("region", { name: "Traces by the operation they begin with" });
    const group = table.getByRole("link", { name: "api-gateway GET /v1/tenants/{tenant_id}" });
    await group.click();
    await page.waitForURL(/service/);
    expect(parameter(page, "q")).toBe(
      'service=api-gateway operation="GET /v1/tenants/{tenant_id}"',
    );
    expect(parameter(page, "group")).toBeNull();
    await links(page).first().waitFor();
  });

  test("says what to leave out when nothing matches", async ({ open }) => {
    const page = await open("/search?lookback=2h&q=error%20tenant.id%3Dnobody");
    await page.getByRole("heading", { name: "No trace matches" }).waitFor();
    await page.getByRole("button", { name: "Last 6 hours" }).waitFor();
    await page.getByRole("button", { name: "Without tenant.id=nobody" }).click();
    await page.waitForURL(/q=error(&|$)/);
    await links(page).first().waitFor();
  });
});

describe("the charts", () => {
  test("narrow the range to what is dragged over", async ({ open }) => {
    const page = await open("/search?lookback=2h");
    const chart = page.getByRole("application", { name: /Spans over time/ });
    const { x, y, width } = (await chart.boundingBox())!;
    await page.mouse.move(x + width * 0.6, y + 50);
    await page.mouse.down();
    await page.mouse.move(x + width * 0.8, y + 60, { steps: 4 });
    await chart.getByText(/spans/).waitFor();
    await page.mouse.up();
    await page.waitForURL(/lookback=custom/);
    const length = Number(parameter(page, "end")) - Number(parameter(page, "start"));
    expect(length / 1e6).toBeGreaterThan(0.18 * 7200);
    expect(length / 1e6).toBeLessThan(0.25 * 7200);
    await links(page).first().waitFor();
  });

  test("narrow the range by keys alone", async ({ open }) => {
    const page = await open("/search?lookback=2h");
    const chart = page.getByRole("application", { name: /Spans over time/ });
    await chart.focus();
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("Shift+ArrowLeft");
    await page.keyboard.press("Shift+ArrowLeft");
    await page.keyboard.press("Enter");
    await page.waitForURL(/lookback=custom/);
    const length = Number(parameter(page, "end")) - Number(parameter(page, "start"));
    expect(length).toBe(3 * 60e6 - 1);
  });

  test("narrow range and durations to a box of the heatmap", async ({ open }) => {
    const page = await open("/search?lookback=2h&q=error");
    await page.getByRole("button", { name: "Latency" }).click();
    const chart = page.getByRole("application", { name: "Spans by time and duration" });
    const { x, y, width, height } = (await chart.boundingBox())!;
    await page.mouse.move(x + width * 0.3, y + height * 0.2);
    await page.mouse.down();
    await page.mouse.move(x + width * 0.95, y + height * 0.6, { steps: 4 });
    await page.mouse.up();
    await page.waitForURL(/duration/);
    expect(parameter(page, "q")).toMatch(/^error duration>=\d+\w+ duration<\d+\w+$/);
    expect(parameter(page, "lookback")).toBe("custom");
    expect(parameter(page, "chart")).toBe("latency");
    await links(page).first().waitFor();
  });

  test("narrow one alone where a drag over the heatmap goes straight", async ({ open }) => {
    const page = await open("/search?lookback=2h&q=error&chart=latency");
    const chart = page.getByRole("application", { name: "Spans by time and duration" });
    const drag = async (from: readonly [number, number], to: readonly [number, number]) => {
      const { x, y, width, height } = (await chart.boundingBox())!;
      await page.mouse.move(x + width * from[0], y + height * from[1]);
      await page.mouse.down();
      await page.mouse.move(x + width * to[0], y + height * to[1], { steps: 4 });
    };
    await drag([0.5, 0.3], [0.505, 0.6]);
    await chart.getByText(/^all of the time, /).waitFor();
    await page.mouse.up();
    await page.waitForURL(/duration/);
    expect(parameter(page, "q")).toMatch(/^error duration>=\d+\w+ duration<\d+\w+$/);
    expect(parameter(page, "lookback")).toBe("2h");
    await page.goBack();
    await settled(page);
    await drag([0.3, 0.4], [0.95, 0.45]);
    await chart.getByText(/, all durations: /).waitFor();
    await page.mouse.up();
    await page.waitForURL(/lookback=custom/);
    expect(parameter(page, "q")).toBe("error");
  });

  test("open the trace of a point", async ({ open }) => {
    const page = await open("/search?lookback=2h&q=error&chart=traces");
    const shown = await traceIds(page);
    await page.getByText(/^only the 20 in the list, of [\d,]+$/).waitFor();
    const chart = page.getByRole("application", { name: /Traces by start and duration/ });
    await chart.focus();
    await page.keyboard.press("ArrowRight");
    await chart.getByText(/errors?,/).waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/trace\//);
    expect(shown).toContain(/trace\/(\w+)/.exec(page.url())?.[1]);
  });

  test("tell their numbers in a table, too", async ({ open }) => {
    const page = await open("/search?lookback=2h");
    const table = page.getByRole("table", { name: "Spans over time" });
    await table.waitFor();
    const cells = await table.locator("tbody td:nth-child(2)").allTextContents();
    const label = await page.getByRole("application").getAttribute("aria-label");
    const sum = cells.reduce((total, cell) => total + Number(cell), 0);
    expect(sum).toBeGreaterThan(0);
    expect(label).toContain("in all");
  });

  test("are left out where an embedding page says so", async ({ open }) => {
    const page = await open("/search?lookback=2h&uiEmbed=v0&uiSearchHideGraph=1");
    await links(page).first().waitFor();
    expect(await page.getByRole("application").count()).toBe(0);
    expect(await line(page).count()).toBe(0);
  });
});

describe("without any trace", () => {
  let platform: Platform;
  beforeAll(async () => {
    platform = await startPlatform();
  });
  afterAll(() => platform.stop());

  test("shows first steps, finds a test span, and what comes while one watches", async ({
    open,
  }) => {
    const page = await open("/search", { url: platform.url });
    await page.getByRole("heading", { name: "There is no trace yet" }).waitFor();
    const { port } = new URL(platform.otlp);
    await page.getByRole("tabpanel").getByText(`:${port}`).first().waitFor();
    await expectAccessible(page);
    await keepScreenshot(page, "search-first-steps");
    await page.getByRole("button", { name: "Send a test span" }).click();
    await row(page, 0).getByRole("link", { name: "ananta-test" }).waitFor();
    await page.getByRole("button", { name: "Live" }).click();
    await page.getByText("The newest 1 trace, live").waitFor();
    await page.request.post(`${platform.url}/api/ananta/v1/pipeline/test-span`);
    await row(page, 1).waitFor();
    await row(page, 0).getByText("new", { exact: true }).waitFor();
    expect(await row(page, 1).getByText("new", { exact: true }).count()).toBe(0);
  });
});

for (const theme of ["light", "dark"] as const) {
  test(`looks and reads well, ${theme}`, async ({ open }) => {
    const query = encodeURIComponent("service=cns-service tenant.id=12345");
    for (const [name, path, width] of [
      ["all", "/search?lookback=2h", 1440],
      ["fields", `/search?lookback=2h&q=${query}&order=longest`, 1024],
      ["latency", "/search?lookback=2h&chart=latency", 1440],
      ["traces", "/search?lookback=2h&q=error&chart=traces&limit=50", 1440],
      ["operations", "/search?lookback=2h&group=root", 1440],
      ["nothing", "/search?lookback=2h&q=tenant.id%3Dnobody", 1440],
      ["narrow", "/search?lookback=2h&q=error", 390],
    ] as const) {
      const page = await open(path, { theme, width });
      await page
        .getByRole("region", { name: "Results" })
        .locator("a, h2:text-matches('No trace')")
        .first()
        .waitFor();
      await page.waitForTimeout(300);
      await keepScreenshot(page, `search-${name}-${theme}`);
      await expectAccessible(page);
      const overflow = await page.evaluate(
        () => document.querySelector("main")!.scrollWidth - document.documentElement.clientWidth,
      );
      expect(overflow, name).toBeLessThanOrEqual(0);
    }
  });
}
