/** The service map: drawn, focused, searched, as a table, and with hundreds of services. */

import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect } from "vitest";
import { NODE_WIDTH } from "@/model/mapLayout";
import { largeMap, node } from "../unit/maps";
import { expectAccessible, keepScreenshot, test as base, type Fixtures } from "./browser";
import { playDemo, startPlatform, type Platform } from "./platform";

const WINDOW = "lookback=2h";
const SERVICE = "enrichment-service";

// The map shows every service there is; other tests send traces of services of their own.
let platform: Platform;

beforeAll(async () => {
  platform = await startPlatform();
  await playDemo(platform.otlp);
}, 120_000);

afterAll(() => platform.stop());

const test = base.extend<Pick<Fixtures, "open">>({
  open: ({ open }, provide) =>
    provide((path, options) => open(path, { url: platform.url, ...options })),
});

const nodeOf = (page: Page, service: string) => page.locator(`button[data-service="${service}"]`);
const nodesOf = (page: Page) => page.locator("button[data-service]");

/** Answers the page's question for the map with a made-up one. */
async function serve(page: Page, map: object): Promise<void> {
  await page.route("**/api/ananta/v1/service-map*", (route) => route.fulfill({ json: map }));
}

/** How long the page did not answer at worst while something is done, in milliseconds. */
async function longestTask(page: Page, action: () => Promise<void>): Promise<number> {
  await page.evaluate(() => {
    const tasks: number[] = [];
    Object.assign(globalThis, { tasks });
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) tasks.push(duration);
    }).observe({ type: "longtask" });
  });
  await action();
  return page.evaluate(() => Math.max(0, ...(globalThis as unknown as { tasks: number[] }).tasks));
}

test("draws callers left of whom they call, each with its figures", async ({ open }) => {
  const page = await open(`/dependencies?${WINDOW}`);
  await nodeOf(page, "api-gateway").waitFor();
  const left = async (service: string) => (await nodeOf(page, service).boundingBox())!.x;
  expect(await left("api-gateway")).toBeLessThan(await left(SERVICE));
  expect(await left(SERVICE)).toBeLessThan(await left("cns-service"));
  expect(await nodeOf(page, SERVICE).textContent()).toMatch(/\/(s|min|h).*%.*p95 \d/);
  const call = page.getByRole("button", { name: `api-gateway calls ${SERVICE}:` });
  expect(await call.textContent()).toMatch(/: [\d,.]+ ?k? ?\d+\.\d %p95 \d/);
});

test("opens so large that figures can be read, around what is selected", async ({ open }) => {
  const readable = 0.85 * NODE_WIDTH;
  const page = await open(`/dependencies?${WINDOW}&sel=${SERVICE}`);
  const frame = (await page.getByRole("group", { name: /map/i }).first().boundingBox())!;
  await expect
    .poll(async () => (await nodeOf(page, SERVICE).boundingBox())?.width)
    .toBeGreaterThanOrEqual(readable - 1);
  const box = (await nodeOf(page, SERVICE).boundingBox())!;
  expect(box.x).toBeGreaterThanOrEqual(frame.x);
  expect(box.x + box.width).toBeLessThanOrEqual(frame.x + frame.width);

  await page.getByRole("button", { name: "Show the whole map (0)" }).click();
  const nodes = await Promise.all((await nodesOf(page).all()).map((one) => one.boundingBox()));
  for (const one of nodes) expect(one!.x + one!.width).toBeLessThanOrEqual(frame.x + frame.width);
});

const DATABASE = "postgres.ananta.svc";
const frameOf = (page: Page) => page.getByRole("group", { name: /^Service map/ });
const panelOf = (page: Page) => page.getByRole("complementary", { name: "Selected in the map" });

/** How far a service reaches out of the frame of the map, in pixels. */
async function beyondFrame(page: Page, service: string): Promise<number> {
  const frame = (await frameOf(page).boundingBox())!;
  const box = (await nodeOf(page, service).boundingBox())!;
  return Math.max(
    frame.x - box.x,
    frame.y - box.y,
    box.x + box.width - frame.x - frame.width,
    box.y + box.height - frame.y - frame.height,
    0,
  );
}

test("opens whole, at a size that can be read, where it is small", async ({ open }) => {
  const page = await open(`/dependencies?${WINDOW}`);
  await nodeOf(page, "api-gateway").waitFor();
  const services = await nodesOf(page).evaluateAll((nodes) =>
    nodes.map((node) => node.getAttribute("data-service")!),
  );
  expect(services).toContain(DATABASE);
  for (const service of services) expect(await beyondFrame(page, service), service).toBe(0);
  for (const text of await page.locator("button[data-service] > span").all()) {
    const size = await text.evaluate((element) => {
      const scale = element.getBoundingClientRect().width / (element as HTMLElement).offsetWidth;
      return parseFloat(getComputedStyle(element).fontSize) * scale;
    });
    expect(size).toBeGreaterThan(9.5);
  }
});

test("shows what is selected beside its panel", async ({ open }) => {
  const page = await open(`/dependencies?${WINDOW}`);
  await nodeOf(page, DATABASE).click();
  await panelOf(page).waitFor();
  await expect.poll(() => beyondFrame(page, DATABASE)).toBe(0);
  await nodeOf(page, DATABASE).click({ trial: true });
  await panelOf(page)
    .getByRole("button", { name: /^tenant-management/ })
    .click();
  await page.waitForURL("**from=tenant-management");

  const linked = await open(`/dependencies?${WINDOW}&sel=${DATABASE}`);
  await panelOf(linked).waitFor();
  await expect.poll(() => beyondFrame(linked, DATABASE)).toBe(0);
  await nodeOf(linked, DATABASE).click({ trial: true });
});

test("leads from what sends no spans to exactly the spans that call it", async ({ open }) => {
  for (const [selected, search] of [
    [`sel=${DATABASE}`, `peer=${DATABASE}`],
    ["sel=api.lcsc.example", "peer=api.lcsc.example"],
    [`sel=${DATABASE}&from=cns-service`, `peer=${DATABASE} service=cns-service`],
    ["sel=redis.ananta.svc&from=cns-service", "peer=redis.ananta.svc service=cns-service"],
  ] as const) {
    const page = await open(`/dependencies?${WINDOW}&${selected}`);
    const figure = (name: string) =>
      panelOf(page).locator("div", { has: page.getByText(name, { exact: true }) });
    const calls = figure("Calls").last().getByRole("link");
    const count = (await calls.textContent())!;
    expect(count).toMatch(/^[\d,]+$/);
    expect(await panelOf(page).getByRole("link", { name: "Over time" }).count()).toBe(0);
    await calls.click();
    await page.waitForURL("**/search?*");
    await page.getByText(`${count} matching spans`, { exact: true }).waitFor();
    const line = page.getByRole("combobox", { name: /search/i }).first();
    expect(await line.inputValue()).toBe(search);
  }
});

test("links no figure of calls that a search can't tell from others", async ({ open }) => {
  const page = await open(`/dependencies?${WINDOW}&sel=cns-service&from=${SERVICE}`);
  await panelOf(page).getByText("those of its other callers, too").waitFor();
  expect(await panelOf(page).locator("dl").getByRole("link").count()).toBe(0);
  await panelOf(page).getByRole("link", { name: "Traces of its requests" }).click();
  await page.waitForURL("**/search?service=cns-service&*");
  await page.goto(`${new URL(page.url()).origin}/dependencies?${WINDOW}&view=table`);
  const links = (callee: string, caller: string) =>
    page
      .getByRole("row")
      .filter({ hasText: callee })
      .filter({ hasText: caller })
      .locator("td:nth-child(n + 3) a");
  await links(SERVICE, "api-gateway").first().waitFor();
  expect(await links("cns-service", SERVICE).count()).toBe(0);
  expect(await links(DATABASE, "cns-service").first().getAttribute("href")).toContain("peer%3D");
});

test("leads from the calls between two services to their traces", async ({ open }) => {
  const page = await open(`/dependencies?${WINDOW}`);
  await page.getByRole("button", { name: `api-gateway calls ${SERVICE}:` }).click();
  await page.waitForURL(`**sel=${SERVICE}&from=api-gateway`);
  await page.getByRole("link", { name: "Traces of these calls" }).click();
  await page.waitForURL("**/search?*");
  const params = new URL(page.url()).searchParams;
  expect(params.get("service")).toBe(SERVICE);
  expect(params.get("q")).toBe("(kind=server OR kind=consumer)");
  expect(params.get("lookback")).toBe("2h");
});

test("selects the drawn line of a call, too", async ({ open }) => {
  const page = await open(`/dependencies?${WINDOW}`);
  const box = (await nodeOf(page, SERVICE).boundingBox())!;
  // Lines end at the callee's left side, somewhere along its height.
  const isOnLine = () =>
    page.getByRole("group", { name: /^Service map/ }).getAttribute("data-edge");
  const drawn = () =>
    page.evaluate(
      () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
    );
  let y = box.y - 20;
  for (; y < box.y + box.height + 20; y += 3) {
    await page.mouse.move(box.x - 14, y);
    await drawn();
    if (await isOnLine()) break;
  }
  await page.mouse.click(box.x - 14, y);
  await page.waitForURL(`**sel=${SERVICE}&from=*`);
  await page.getByRole("complementary", { name: "Selected in the map" }).waitFor();
  await page.keyboard.press("Escape");
  await page.waitForURL((url) => !url.searchParams.has("sel"));
});

test("focuses on a service and its neighbours by hops", async ({ open }) => {
  const page = await open(`/dependencies?${WINDOW}`);
  await nodeOf(page, SERVICE).click();
  const panel = page.getByRole("complementary", { name: "Selected in the map" });
  await panel.getByRole("heading", { name: "Called by" }).waitFor();
  const whole = await nodesOf(page).count();
  await panel.getByRole("button", { name: "Focus" }).click();
  await page.waitForURL(`**service=${SERVICE}*`);
  await expect.poll(() => nodesOf(page).count()).toBeLessThan(whole);
  const near = await nodesOf(page).count();
  await nodeOf(page, "api-gateway").waitFor();
  expect(await nodeOf(page, "orchestrator").count()).toBe(0);
  await page.getByRole("combobox", { name: "Neighbours" }).selectOption("all");
  await expect.poll(() => nodesOf(page).count()).toBeGreaterThan(near);
  expect(await panel.getByRole("link", { name: "Over time" }).getAttribute("href")).toContain(
    `/services?service=${SERVICE}`,
  );
});

test("finds services, goes to them, and hides weak edges", async ({ open }) => {
  const page = await open(`/dependencies?${WINDOW}&uiFind=bill`);
  await page.getByText("1 found").waitFor();
  await page.getByRole("searchbox", { name: "Find" }).press("Enter");
  const labels = page.getByRole("button", { name: / calls .*: / });
  await labels.first().waitFor();
  const count = await labels.count();
  await page.getByRole("combobox", { name: "Edges" }).selectOption("1000");
  await page.waitForURL(/min=1000/);
  await expect.poll(() => labels.count()).toBeLessThan(count);
});

test("is moved and walked by keys alone", async ({ open }) => {
  const page = await open(`/dependencies?${WINDOW}`);
  await nodeOf(page, "api-gateway").focus();
  const before = (await nodeOf(page, "api-gateway").boundingBox())!;
  await page.keyboard.press("ArrowRight");
  const next = await page.evaluate(() => document.activeElement?.getAttribute("data-service"));
  expect((await nodeOf(page, next!).boundingBox())!.x).toBeGreaterThan(before.x + before.width);
  await page.keyboard.press("Enter");
  await page.waitForURL(`**sel=${next}`);
  await page.getByRole("complementary", { name: "Selected in the map" }).waitFor();
  const { height } = (await nodeOf(page, "api-gateway").boundingBox())!;
  await page.keyboard.press("+");
  await page.keyboard.press("+");
  await expect
    .poll(async () => (await nodeOf(page, "api-gateway").boundingBox())!.height)
    .toBeGreaterThan(height);
  await page.keyboard.press("0");
  await page.keyboard.press("Shift+ArrowRight");
});

test("tells the same as a table", async ({ open }) => {
  const page = await open(`/dependencies?${WINDOW}`);
  await page.getByRole("button", { name: "Table" }).click();
  await page.waitForURL(/view=table/);
  const row = page.getByRole("row").filter({ hasText: "api-gateway" }).filter({ hasText: SERVICE });
  const [, , calls] = await row.locator("td").allTextContents();
  expect(calls).toMatch(/\d/);
  await page.getByRole("button", { name: "Errors" }).click();
  await page.waitForURL(/sort=-errors/);
  await expectAccessible(page);
});

test("says why nothing is drawn", async ({ open }) => {
  const page = await open("/dependencies?start=1000000&end=2000000");
  await page.getByRole("heading", { name: "No spans in this stretch of time" }).waitFor();
  await serve(page, { nodes: [node("alone", { requests: 3 })], edges: [] });
  await page.reload();
  await page.getByText("None of these services calls another").waitFor();
  await nodeOf(page, "alone").waitFor();
});

test("stays in its place when the figures are refreshed", async ({ open }) => {
  const page = await open(`/dependencies?${WINDOW}`);
  await nodeOf(page, SERVICE).waitFor();
  const place = () => nodeOf(page, SERVICE).boundingBox();
  const { height } = (await place())!;
  await page.keyboard.press("+");
  await expect.poll(async () => (await place())!.height).toBeGreaterThan(height);
  const { x } = (await place())!;
  await page.keyboard.press("Shift+ArrowLeft");
  await expect.poll(async () => (await place())!.x).toBeGreaterThan(x);
  const before = await place();
  const answered = page.waitForResponse("**/service-map*");
  await page.getByRole("button", { name: "Refresh" }).click();
  await answered;
  await page.waitForTimeout(300);
  expect(await place()).toEqual(before);
});

for (const [services, calls] of [
  [200, 500],
  [500, 2000],
] as const) {
  test(`stays readable and answers with ${services} services`, async ({ open }) => {
    const page = await open("/services");
    await serve(page, largeMap(services, calls));
    await page.getByRole("link", { name: "Service map" }).click();
    // It begins around the busiest service, whose name and neighbours can be read.
    await page.getByText(`${services} services are too many to read at once`).waitFor();
    const busiest = nodeOf(page, `service-${services - 1}`);
    await busiest.waitFor();
    expect(await nodesOf(page).count()).toBeLessThan(60);
    await page.getByRole("button", { name: "Show all" }).first().click();
    await expect.poll(() => nodesOf(page).count()).toBe(services);
    const name = busiest.locator("span").nth(1);
    const size = await name.evaluate((element) => {
      const scale = element.getBoundingClientRect().width / (element as HTMLElement).offsetWidth;
      return parseFloat(getComputedStyle(element).fontSize) * scale;
    });
    expect(size).toBeGreaterThan(9);
    await keepScreenshot(page, `map-${services}`);
    const frame = (await page.getByRole("group", { name: /^Service map/ }).boundingBox())!;
    const worst = await longestTask(page, async () => {
      await page.mouse.move(frame.x + 400, frame.y + 300);
      await page.mouse.wheel(0, 300);
      await page.mouse.down();
      await page.mouse.move(frame.x + 100, frame.y + 100, { steps: 10 });
      await page.mouse.up();
      await page.keyboard.press("0");
      await page.waitForTimeout(300);
    });
    console.log(`${services} services: longest task while moving ${Math.round(worst)} ms`);
    await keepScreenshot(page, `map-${services}-whole`);
    await page.getByRole("searchbox", { name: "Find" }).fill("service-77");
    await page.getByText(/\d+ found/).waitFor();
    await page.keyboard.press("Enter");
    await expect.poll(() => nodeOf(page, "service-77").isVisible()).toBe(true);
  });
}

for (const theme of ["light", "dark"] as const) {
  test(`can be read by all in the ${theme} theme`, async ({ open }) => {
    const page = await open(`/dependencies?${WINDOW}`, { theme });
    await nodeOf(page, SERVICE).waitFor();
    await expectAccessible(page);
    await keepScreenshot(page, `map-${theme}`);
    await nodeOf(page, SERVICE).click();
    await page.getByRole("complementary", { name: "Selected in the map" }).waitFor();
    await expectAccessible(page);
    await keepScreenshot(page, `map-selected-${theme}`);
    await page.setViewportSize({ width: 390, height: 844 });
    await keepScreenshot(page, `map-narrow-${theme}`);
    const { scrollWidth, clientWidth } = await page.evaluate(() => document.documentElement);
    expect(scrollWidth).toBe(clientWidth);
  });
}
