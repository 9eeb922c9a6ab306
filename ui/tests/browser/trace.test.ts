/** The trace page: waterfall, finding, detail, zoom, links; over traces sent for the purpose. */

import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject } from "vitest";
import { expectAccessible, keepScreenshot, test } from "./browser";
import { findTraces } from "./demoTraces";
import { startPlatform, type Platform } from "./platform";
import { largeTrace, newTraceId, sendTrace, spanIdOf, type TestSpan } from "./sentTraces";

const PAYLOAD = '{"b": 1.10, "a":[1, {"x":"y , z"}], "big": 12345678901234567890}';
const CALLER = newTraceId();
const LINKED = newTraceId();

/** Three failed spans, one of them deep; alike queries; a chain; a link to another trace. */
const SHOP: readonly TestSpan[] = [
  { id: "root", name: "POST /checkout", duration: 400, kind: 2, service: "gateway" },
  { id: "cart", parent: "root", name: "read cart", start: 10, duration: 90 },
  ...Array.from({ length: 8 }, (_, n): TestSpan => ({
    ...{ id: `query${n}`, parent: "cart", service: "db", name: "SELECT items" },
    ...{ start: 12 + n * 10, duration: 6 },
    ...(n === 5 ? { error: "deadlock detected" } : {}),
  })),
  {
    ...{ id: "pay", parent: "root", name: "pay", start: 120, duration: 200 },
    attributes: {
      payload: PAYLOAD,
      "http.url": "redis://cache",
      "tenant.id": "42",
      "url.full": "https://pay.example/v1",
      note: "long ".repeat(400),
    },
    events: [
      { name: "retry", at: 150 },
      { name: "exception", at: 300, attributes: { "exception.message": "card refused" } },
    ],
    links: [{ traceId: CALLER, spanId: spanIdOf("batch") }],
  },
  { id: "bank", parent: "pay", service: "bank", name: "authorize", start: 140, duration: 150 },
  {
    ...{ id: "card", parent: "bank", service: "bank", name: "charge card", start: 160 },
    ...{ duration: 100, error: "card refused", attributes: { cache: "redis" } },
  },
  { id: "mail", parent: "root", service: "mail", name: "send receipt", start: 330, duration: 60 },
  {
    id: "smtp",
    parent: "mail",
    service: "mail",
    name: "smtp",
    start: 340,
    duration: 40,
    error: "550",
  },
];

let shop: string;

beforeAll(async () => {
  const platform = { url: inject("url"), otlp: inject("otlp") };
  const link = [{ traceId: LINKED, spanId: spanIdOf("pay") }];
  await sendTrace(platform, [{ id: "batch", name: "nightly batch", links: link }], CALLER);
  shop = await sendTrace(platform, SHOP, LINKED);
});

const row = (page: Page, name: RegExp | string) => page.getByRole("row", { name }).first();
const detail = (page: Page) => page.getByRole("complementary");

async function openShop(
  open: (path: string, options?: object) => Promise<Page>,
  search = "",
  options = {},
): Promise<Page> {
  const page = await open(`/trace/${shop}${search}`, options);
  await row(page, /POST \/checkout/).waitFor();
  return page;
}

describe("address", () => {
  test("an id in upper case, pasted into the box, opens the trace", async ({ open }) => {
    const page = await open("/search");
    const box = page.getByRole("textbox", { name: "Open a trace by its id" });
    await box.fill(` ${shop.toUpperCase()} `);
    await box.press("Enter");
    await row(page, /POST \/checkout/).waitFor();
    expect(new URL(page.url()).pathname).toBe(`/trace/${shop}`);
  });

  test("an id in upper case in a link becomes the canonical one", async ({ open }) => {
    const page = await open(`/trace/${shop.toUpperCase()}?mine=1`);
    await row(page, /POST \/checkout/).waitFor();
    expect(new URL(page.url()).pathname).toBe(`/trace/${shop}`);
    expect(new URL(page.url()).searchParams.get("mine")).toBe("1");
  });

  test("zoom, selection and search are the same after a reload", async ({ open }) => {
    const page = await openShop(open);
    await page.getByRole("textbox", { name: "Find in the trace" }).fill("redis");
    await row(page, "charge card").click();
    await detail(page).getByRole("button", { name: "Zoom to it" }).click();
    await page.waitForURL(/sel=.*t0=/);
    await page.waitForURL(/uiFind=redis/);
    const shown = () =>
      page.getByRole("slider", { name: /Shown time/ }).getAttribute("aria-valuetext");
    const before = await shown();
    expect(before).toBe("155 ms to 265 ms of 400 ms");
    await page.reload();
    await detail(page).getByRole("heading", { name: "charge card" }).waitFor();
    expect(await shown()).toBe(before);
    expect(await row(page, "charge card").getAttribute("aria-selected")).toBe("true");
    await page.getByText("2 of 2 matches").waitFor();
  });

  test("a span that is not there is told", async ({ open }) => {
    const page = await openShop(open, "?sel=00000000000000ff");
    await page.getByText("The span 00000000000000ff of this link is not in the trace").waitFor();
    await page.getByRole("button", { name: "Dismiss" }).click();
    await page.waitForURL((url) => !url.searchParams.has("sel"));
  });

  test("a trace that is not there gives reasons, and can be tried again", async ({ open }) => {
    const page = await open("/trace/00000000000000000000000000000abc", { expectedErrors: ["404"] });
    await page.getByRole("heading", { name: "There is no such trace" }).waitFor();
    await page.getByRole("button", { name: "Try again" }).waitFor();
    await expectAccessible(page);
  });

  test("what is no id is told", async ({ open }) => {
    const page = await open("/trace/hello");
    await page.getByRole("heading", { name: "This is no trace id" }).waitFor();
  });

  test("the embed parameters hold on, and hide what they name", async ({ open }) => {
    const hidden = "uiTimelineCollapseTitle=1&uiTimelineHideMinimap=1&uiTimelineHideSummary=1";
    const page = await openShop(open, `?uiEmbed=v0&uiTheme=dark&${hidden}`);
    expect(await page.getByRole("banner").count()).toBe(0);
    expect(await page.getByRole("img", { name: /Overview/ }).count()).toBe(0);
    await row(page, /^shop, pay,/).click();
    await detail(page).getByRole("link", { name: "Search for spans with this tenant.id" }).click();
    await page.waitForURL(/\/search\?/);
    const { searchParams } = new URL(page.url());
    expect(searchParams.get("uiEmbed")).toBe("v0");
    expect(searchParams.get("q")).toBe('span.tenant.id="42"');
    expect(await page.locator("html").getAttribute("data-theme")).toBe("dark");
  });
});

describe("waterfall", () => {
  test("e goes from error to error, and opens what is above", async ({ open }) => {
    const page = await openShop(open);
    await page.keyboard.press("[");
    await expect.poll(() => page.getByRole("row").count()).toBe(2);
    for (const name of ["SELECT items", "charge card", "smtp"]) {
      await page.keyboard.press("e");
      await detail(page).getByRole("heading", { name }).waitFor();
      await page.locator("[role=row][aria-selected=true]:focus").getByText(name).waitFor();
    }
    // The page stays within its window; only rows and detail scroll.
    expect(await page.evaluate(() => document.documentElement.scrollHeight - innerHeight)).toBe(0);
    await row(page, /send receipt/).waitFor();
    await page.keyboard.press("E");
    await detail(page).getByRole("heading", { name: "charge card" }).waitFor();
  });

  test("alike siblings are one line that opens", async ({ open }) => {
    const page = await openShop(open);
    const group = row(page, /db, 8 times SELECT items, 1 errors/);
    await group.click();
    await expect.poll(() => page.getByRole("row", { name: /^db, SELECT items/ }).count()).toBe(8);
    expect(await group.getAttribute("aria-expanded")).toBe("true");
    await page.getByRole("button", { name: "Show", exact: true }).click();
    await page.getByLabel("Group similar spans").uncheck();
    await group.waitFor({ state: "detached" });
    await page.getByLabel("Group similar spans").check();
  });

  test("a row tells level, place, service, name, duration and error", async ({ open }) => {
    const page = await openShop(open);
    const card = row(page, /charge card/);
    expect(await card.getAttribute("aria-label")).toBe("bank, charge card, 100 ms, error");
    const aria = ["level", "posinset", "setsize", "selected"];
    const values = await Promise.all(aria.map((name) => card.getAttribute(`aria-${name}`)));
    expect(values).toEqual(["4", "1", "1", "false"]);
    expect(await card.getAttribute("aria-expanded")).toBeNull();
    const root = row(page, /POST \/checkout/);
    expect(await root.getAttribute("aria-label")).toContain("3 errors below");
    expect(await root.getAttribute("aria-rowindex")).toBe("2");
    expect(await page.getByRole("treegrid").getAttribute("aria-rowcount")).toBe("9");
  });

  test("arrows move, open and close", async ({ open }) => {
    const page = await openShop(open);
    const focused = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label"));
    await row(page, /POST \/checkout/).focus();
    await page.keyboard.press("ArrowDown");
    await expect.poll(focused).toContain("read cart");
    await page.keyboard.press("ArrowLeft");
    await row(page, /SELECT items/).waitFor({ state: "detached" });
    await page.keyboard.press("ArrowRight");
    await row(page, /SELECT items/).waitFor();
    await page.keyboard.press("End");
    await expect.poll(focused).toContain("smtp");
    await page.keyboard.press("ArrowLeft");
    await expect.poll(focused).toContain("send receipt");
    await page.keyboard.press("ArrowRight");
    await expect
      .poll(() => page.evaluate(() => document.activeElement?.getAttribute("role")))
      .toBe("gridcell");
    await page.keyboard.press("Escape");
    await page.keyboard.press("Home");
    await expect.poll(focused).toContain("POST /checkout");
  });

  test("a service is hidden by its button, the spans above others stay", async ({ open }) => {
    const page = await openShop(open);
    await page.getByRole("button", { name: /^(DB)?\s*db\s*8$/ }).click();
    await row(page, /SELECT items/).waitFor({ state: "detached" });
    await page.waitForURL(/hide=db/);
    await page.getByRole("button", { name: "Show all" }).click();
    await row(page, /SELECT items/).waitFor();
  });

  test("the axis zooms by keys, the brush by its handles", async ({ open }) => {
    const page = await openShop(open);
    const axis = page.getByRole("slider", { name: /Shown time/ });
    await axis.focus();
    await page.keyboard.press("ArrowUp");
    expect(await axis.getAttribute("aria-valuetext")).toBe("40.0 ms to 360 ms of 400 ms");
    await page.keyboard.press("ArrowLeft");
    expect(await axis.getAttribute("aria-valuetext")).toBe("8.00 ms to 328 ms of 400 ms");
    await page.keyboard.press("Home");
    const end = page.getByRole("slider", { name: "End of what is shown" });
    await end.focus();
    await page.keyboard.press("Shift+ArrowLeft");
    expect(await axis.getAttribute("aria-valuetext")).toBe("0 ns to 360 ms of 400 ms");
    await page.getByRole("button", { name: "Show all 400 ms" }).click();
    expect(await axis.getAttribute("aria-valuetext")).toBe("0 ns to 400 ms of 400 ms");
  });

  test("dragging the axis and Ctrl with the wheel zoom", async ({ open }) => {
    const page = await openShop(open);
    const axis = page.getByRole("slider", { name: /Shown time/ });
    const box = (await axis.boundingBox())!;
    await page.mouse.move(box.x + box.width / 4, box.y + 5);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2, box.y + 5, { steps: 4 });
    await page.mouse.up();
    const shown = async () => Number(await axis.getAttribute("aria-valuenow"));
    expect(Math.abs((await shown()) - 100e6)).toBeLessThan(2e6);
    await page.keyboard.down("Control");
    await page.mouse.wheel(0, 2000);
    await page.keyboard.up("Control");
    await expect.poll(shown).toBe(0);
  });
});

describe("find", () => {
  test("statistics are of all spans, unless only matches are wished", async ({ open }) => {
    const page = await open(`/trace/${shop}?v=statistics&uiFind=charge`);
    await page.getByText("1 match", { exact: true }).waitFor();
    await page.getByText("5 groups of 15 spans").waitFor();
    await page.getByLabel("Matches only").check();
    await page.getByText("Only spans that match: 1 group of 1 of 15 spans").waitFor();
  });

  test("-word leaves out keys, the count is shown", async ({ open }) => {
    const page = await openShop(open);
    const box = page.getByRole("textbox", { name: "Find in the trace" });
    await page.keyboard.press("/");
    await page.keyboard.type("redis");
    await page.getByText("2 matches").waitFor();
    await box.fill("-http redis");
    await page.getByText("1 match", { exact: true }).waitFor();
    await box.press("Enter");
    await detail(page).getByRole("heading", { name: "charge card" }).waitFor();
    await page.waitForURL((url) => url.searchParams.get("uiFind") === "-http redis");
  });

  test("matches only: ancestors stay dimmed, others go", async ({ open }) => {
    const page = await openShop(open, "?uiFind=charge");
    await page.getByLabel("Matches only").check();
    await expect.poll(() => page.getByRole("row").count()).toBe(5);
    const labels = await page.getByRole("row").evaluateAll((rows) =>
      rows.slice(1).map((row) => {
        const isDimmed = /dimmed/.test(row.getAttribute("class") ?? "");
        return `${row.getAttribute("aria-label")?.split(", ")[1]} ${isDimmed}`;
      }),
    );
    expect(labels).toEqual([
      "POST /checkout true",
      "pay true",
      "authorize true",
      "charge card false",
    ]);
    await expectAccessible(page);
  });

  test("short spans can be left out", async ({ open }) => {
    const page = await openShop(open);
    await page.getByLabel("Shortest duration shown").fill("150ms");
    await expect.poll(() => page.getByRole("row").count()).toBe(4);
    await page.waitForURL(/min=150000000/);
  });
});

describe("detail", () => {
  test("a JSON value is laid out, and copied as it is stored", async ({ open }) => {
    const page = await openShop(open);
    await row(page, /^shop, pay,/).click();
    const value = detail(page).getByRole("row", { name: /^payload/ });
    expect(await value.getByRole("cell").first().innerText()).toContain('  "b": 1.10,');
    await value.getByRole("button", { name: "Copy the value of payload" }).click();
    await value.getByRole("button", { name: "Copied" }).waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(PAYLOAD);
  });

  test("long values fold, attributes filter, links go both ways", async ({ open }) => {
    const page = await openShop(open);
    await row(page, /^shop, pay,/).click();
    const panel = detail(page);
    await panel.getByRole("button", { name: "Show all 1.95 KiB" }).click();
    await panel.getByRole("button", { name: "Fold" }).waitFor();
    await panel.getByRole("searchbox", { name: "Filter attributes" }).fill("tenant");
    await panel.getByRole("row", { name: /^payload/ }).waitFor({ state: "detached" });
    await panel.getByRole("row", { name: /^tenant.id/ }).waitFor();
    await panel.getByRole("link", { name: "shop nightly batch" }).waitFor();
    await panel.getByRole("link", { name: CALLER }).click();
    await page.waitForURL(`**/trace/${CALLER}**`);
    await detail(page).getByRole("heading", { name: "nightly batch" }).waitFor();
  });

  test("events tell their time from span, trace or clock", async ({ open }) => {
    const page = await openShop(open);
    await row(page, /^shop, pay,/).click();
    const events = detail(page).locator("section", { has: page.getByText("Events") });
    await events.getByText("+180 ms").waitFor();
    const choice = events.getByRole("combobox", { name: "Times of events" });
    await choice.selectOption("trace");
    await events.getByText("+300 ms").waitFor();
    await choice.selectOption("absolute");
    await events
      .getByText(/^\d\d:\d\d:\d\d\.\d{6}$/)
      .first()
      .waitFor();
    await choice.selectOption("span");
  });

  test("another zone changes every time, and its offset is shown", async ({ open }) => {
    const page = await openShop(open);
    await row(page, /^shop, pay,/).click();
    const times = () => page.locator("time").allInnerTexts();
    const before = await times();
    expect(before.length).toBeGreaterThan(1);
    for (const time of before) expect(time).toContain("+05:30");
    await page.getByRole("combobox", { name: "Time zone" }).selectOption("utc");
    await expect.poll(times).not.toEqual(before);
    for (const time of await times()) expect(time).toContain("+00:00");
  });

  test("by keyboard alone: to a span, its link copied", async ({ open }) => {
    const page = await openShop(open);
    await row(page, /POST \/checkout/).focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await expect
      .poll(() => page.evaluate(() => document.activeElement?.getAttribute("aria-label")))
      .toBe("Span read cart of shop");
    await page.keyboard.press("y");
    await page.getByText("Link copied").waitFor();
    const copied = new URL(await page.evaluate(() => navigator.clipboard.readText()));
    expect(copied.searchParams.get("sel")).toBe(spanIdOf("cart"));
    await page.keyboard.press("Escape");
    await detail(page).waitFor({ state: "detached" });
    await expect
      .poll(() => page.evaluate(() => document.activeElement?.getAttribute("aria-label")))
      .toContain("read cart");
  });
});

test("a trace is compared with a typical one, the typical one first", async ({ open }) => {
  const [traceId] = await findTraces('operation="POST /v1/boms/{bom_id}/enrich"', "longest");
  const page = await open(`/trace/${traceId}`);
  await page.getByRole("link", { name: "Compare with a typical one" }).click();
  await page.waitForURL(new RegExp(`/trace/[0-9a-f]{32}\\.\\.\\.${traceId}`));
  expect(page.url()).not.toContain(`${traceId}...`);
});

test("a trace that lacks parents says so, how many and why", async ({ open }) => {
  const traceId = await sendTrace({ url: inject("url"), otlp: inject("otlp") }, [
    { id: "root", duration: 50 },
    { id: "late", parent: "gone", start: 10, service: "billing" },
    { id: "later", parent: "gone too", start: 20, service: "billing" },
  ]);
  const page = await open(`/trace/${traceId}`);
  const banner = page.getByRole("status").filter({ hasText: "This trace is incomplete" });
  expect(await banner.innerText()).toMatch(
    /2 spans[\s\S]*on its way[\s\S]*sampled out[\s\S]*dropped/,
  );
  await banner.getByRole("button", { name: "Reload" }).click();
  await banner.getByRole("button", { name: "2 spans" }).click();
  await detail(page).getByText("not in this trace").waitFor();
  await keepScreenshot(page, "trace-incomplete");
});

test("what is selected while a trace is read again stays selected", async ({ open }) => {
  const traceId = await sendTrace({ url: inject("url"), otlp: inject("otlp") }, [
    { id: "root", duration: 50 },
    { id: "late", parent: "gone", start: 10, service: "billing" },
  ]);
  const page = await open(`/trace/${traceId}`);
  const banner = page.getByRole("status").filter({ hasText: "This trace is incomplete" });
  await banner.waitFor();
  let answer!: () => void;
  const selected = new Promise<void>((resolve) => (answer = resolve));
  await page.route(`**/traces/${traceId}*`, async (route) => {
    await selected;
    await route.continue();
  });
  await banner.getByRole("button", { name: "Reload" }).click();
  await banner.getByRole("button", { name: "Reloading" }).waitFor();
  await banner.getByRole("button", { name: "1 span" }).click();
  answer();
  await banner.getByRole("button", { name: "Reload", exact: true }).waitFor();
  await page.waitForURL(/sel=/);
  await detail(page).getByText("not in this trace").waitFor();
});

test("of a trace that is cut, what is below a span opens by itself", async ({ open }) => {
  const spans = Array.from({ length: 60 }, (_, n): TestSpan => ({
    id: `n${n}`,
    ...(n ? { parent: `n${n < 20 ? 0 : (n % 19) + 1}` } : {}),
    ...{ start: n, duration: 200 - n },
  }));
  const traceId = await sendTrace({ url: inject("url"), otlp: inject("otlp") }, spans);
  const page = await open(`/trace/${traceId}?limit=20`);
  await page.getByText("20 of 60 spans are shown").waitFor();
  await row(page, /2 more spans/).click();
  await page.waitForURL(/root=/);
  await page.getByText(/Only .* and the spans below it/).waitFor();
  await expect.poll(() => page.getByRole("row").count()).toBe(4);
  await page.getByRole("link", { name: "Show the whole trace" }).click();
  await page.getByText("20 of 60 spans are shown").waitFor();
});

describe("of a large trace", () => {
  // Values are suggested from the newest 100,000 spans: these would hide all that others look for.
  let platform: Platform;
  beforeAll(async () => {
    platform = await startPlatform();
  });
  afterAll(() => platform.stop());

  test("100,000 spans can be scrolled, searched and closed", async ({ open }) => {
    const traceId = await sendTrace(platform, largeTrace(100_000));
    const page = await open(`/trace/${traceId}`, { url: platform.url });
    const grid = page.getByRole("treegrid");
    await grid.waitFor();
    expect(await grid.getAttribute("aria-rowcount")).toBe("100001");
    expect(await page.getByRole("row").count()).toBeLessThan(80);
    await page.getByRole("rowgroup").evaluate((element) => element.scrollTo(0, 1_200_000));
    await page.locator("[role=row][aria-rowindex='50010']").waitFor();
    await page.getByRole("textbox", { name: "Find in the trace" }).fill("request-77777");
    await page.getByText("1 match", { exact: true }).waitFor();
    await page.keyboard.press("Enter");
    await detail(page).getByText("request-77777").waitFor();
    await page.locator("[role=row][aria-selected=true]").waitFor();
    await keepScreenshot(page, "trace-100k");
    await page.getByRole("button", { name: /Close all/ }).click();
    await expect.poll(() => grid.getAttribute("aria-rowcount")).toBe("2");
  });
});

describe.each(["light", "dark"] as const)("%s", (theme) => {
  test.for([
    [1440, 900],
    [1024, 768],
    [390, 844],
  ] as const)("is accessible at %i × %i", async ([width, height], { open }) => {
    const page = await openShop(open, "", { theme, width, height });
    await expectAccessible(page);
    await row(page, /^shop, pay,/).click();
    await detail(page).getByRole("heading", { name: "pay" }).waitFor();
    await expectAccessible(page);
    await keepScreenshot(page, `trace-${width}-${theme}`);
  });
});
