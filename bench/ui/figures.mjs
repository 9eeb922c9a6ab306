/**
 * Measures the pages in Chromium and prints a line of JSON for each value: {row, measure, value}.
 *
 * Usage: node figures.mjs '{"url": "http://…", "traces": {"10000": ID, "100000": ID}, "runs": 7}'
 * Times are medians of the runs, in milliseconds; sizes are those of the gzipped files, in kB.
 */

import { createRequire } from "node:module";

const require = createRequire(new URL("../../ui/package.json", import.meta.url));
const { chromium } = require("playwright-core");

const { url, traces, runs } = JSON.parse(process.argv[2]);
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });

const SERVICES = 500;
const EDGES = 2000;
const FIND = "[role=search][aria-label='In this trace']";
const ROWS = "[role=treegrid] [role=row][aria-level]";

function tell(row, measure, value) {
  console.log(JSON.stringify({ row, measure, value: Math.round(value * 10) / 10 }));
}

function median(values) {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)];
}

function percentile95(values) {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.95))];
}

/** Milliseconds since 1970, on the clock that pages and this program share. */
function now() {
  return performance.timeOrigin + performance.now();
}

/** A page in a window with empty caches. */
async function open(path, prepare = async () => {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  await page.addInitScript(watchPage);
  await prepare(page);
  await page.goto(url + path, { waitUntil: "commit" });
  return page;
}

/** Runs in the page: notes when an element first appears, and how long interactions take. */
function watchPage() {
  window.appeared = (selector) =>
    new Promise((found) => {
      const look = () => {
        if (!document.querySelector(selector)) return false;
        // Twice: once before the frame that shows it, once after.
        requestAnimationFrame(() =>
          requestAnimationFrame(() => found(performance.timeOrigin + performance.now())),
        );
        return true;
      };
      if (look()) return;
      const observer = new MutationObserver(() => look() && observer.disconnect());
      observer.observe(document, { childList: true, subtree: true, attributes: true });
    });
  window.interactions = [];
  new PerformanceObserver((list) => {
    for (const { interactionId, duration } of list.getEntries()) {
      if (interactionId) window.interactions.push(duration);
    }
  }).observe({ type: "event", durationThreshold: 16 });
}

async function appeared(page, selector) {
  await page.waitForSelector(selector, { state: "attached" });
  return page.evaluate((selector) => window.appeared(selector), selector);
}

/** Sizes of the scripts a page asks for, workers' included, by URL. */
async function scripts(path, ready) {
  const asked = new Set();
  const page = await open(path, async (page) => {
    page.context().on("request", (request) => {
      if (/\.js$/.test(new URL(request.url()).pathname)) asked.add(request.url());
    });
  });
  await appeared(page, ready);
  await page.waitForLoadState("networkidle");
  await page.context().close();
  const sizes = new Map();
  for (const script of asked) {
    const answer = await fetch(`${script}.gz`);
    sizes.set(script, (await answer.arrayBuffer()).byteLength / 1000);
  }
  return sizes;
}

const total = (sizes) => [...sizes.values()].reduce((sum, size) => sum + size, 0);
const tracePath = (size) => `/trace/${traces[size]}`;
const RESULT = 'main a[href*="/trace/"]';

async function measureSizes() {
  const search = await scripts("/search", RESULT);
  const trace = await scripts(tracePath(10_000), ROWS);
  tell("search page", "size", total(search));
  for (const script of search.keys()) trace.delete(script);
  tell("trace page, on top", "size", total(trace));
}

async function measureSearch() {
  const times = [];
  for (let run = 0; run < runs; run++) {
    const began = now();
    const page = await open("/search");
    times.push((await appeared(page, RESULT)) - began);
    await page.context().close();
  }
  tell("search page, usable", "time", median(times));
}

async function measureTrace(size) {
  const name = `${size.toLocaleString("en-US")} spans`;
  const answers = [];
  for (let run = 0; run < runs; run++) {
    const began = now();
    const answer = await fetch(`${url}/api/ananta/v1/traces/${traces[size]}`);
    await answer.arrayBuffer();
    answers.push(now() - began);
  }
  tell(`${name}, answer of the API`, "time", median(answers));
  const usable = [];
  for (let run = 0; run < Math.ceil(runs / 2); run++) {
    let lastByte = 0;
    const page = await open(tracePath(size), async (page) => {
      page.context().on("requestfinished", (request) => {
        if (request.url().includes(`/v1/traces/${traces[size]}`)) lastByte ||= now();
      });
    });
    usable.push((await appeared(page, ROWS)) - lastByte);
    await page.context().close();
  }
  tell(`${name}, usable after the last byte`, "time", median(usable));
}

async function measureLargeTrace(size) {
  const name = `${size.toLocaleString("en-US")} spans`;
  const page = await open(tracePath(size));
  await appeared(page, ROWS);
  await page.waitForTimeout(1000);
  const frames = await page.evaluate(scrollFor, 3000);
  tell(`${name}, frame while scrolling, p95`, "time", percentile95(frames));

  const finds = [];
  for (const text of ["timeout", "key_4", "GET", "checkout"]) {
    await page.keyboard.press("Escape");
    await page.keyboard.press("/");
    await page.keyboard.press("Control+a");
    finds.push(await timed(page, FIND, () => page.keyboard.insertText(text)));
  }
  tell(`${name}, find`, "time", median(finds));
  await page.keyboard.press("Escape");
  await page.locator(ROWS).first().click();
  const collapses = [];
  for (let run = 0; run < runs; run++) {
    collapses.push(await timed(page, "[role=treegrid]", () => page.keyboard.press("[")));
    await page.keyboard.press("]");
    await page.waitForTimeout(200);
  }
  tell(`${name}, collapse all`, "time", median(collapses));
  await page.context().close();
}

/** Runs in the page: scrolls the rows for a while; milliseconds between frames. */
function scrollFor(milliseconds) {
  const grid = document.querySelector("[role=treegrid]");
  let scroller = grid;
  while (scroller && scroller.scrollHeight <= scroller.clientHeight + 1) scroller = scroller.parentElement;
  scroller ??= document.scrollingElement;
  return new Promise((done) => {
    const frames = [];
    let last = performance.now();
    const end = last + milliseconds;
    const step = (time) => {
      frames.push(time - last);
      last = time;
      scroller.scrollTop += 240;
      if (time < end) requestAnimationFrame(step);
      else done(frames.slice(1));
    };
    requestAnimationFrame(step);
  });
}

/** From an input to the frame that shows the last change it made within an element. */
async function timed(page, within, act) {
  await page.evaluate((within) => {
    window.changed = new Promise((found) => {
      let began = 0;
      let ended = 0;
      const begin = (event) => {
        if (!event.ctrlKey && event.key !== "Control") began ||= performance.now();
      };
      document.addEventListener("keydown", begin, { capture: true });
      document.addEventListener("beforeinput", begin, { capture: true });
      const observer = new MutationObserver(() => {
        requestAnimationFrame(() => requestAnimationFrame(() => (ended = performance.now())));
      });
      observer.observe(document.querySelector(within), { childList: true, subtree: true, characterData: true, attributes: true });
      setTimeout(() => {
        observer.disconnect();
        document.removeEventListener("keydown", begin, { capture: true });
        document.removeEventListener("beforeinput", begin, { capture: true });
        found(ended - began);
      }, 1200);
    });
  }, within);
  await act();
  return page.evaluate(() => window.changed);
}

/** A made-up platform: layers of services, most calls to the next layer. */
function syntheticMap() {
  const name = (number) => `service-${String(number).padStart(3, "0")}`;
  const figures = { errors: 3, p50_nanos: 4e6, p95_nanos: 21e6 };
  const nodes = Array.from({ length: SERVICES }, (_, number) => ({
    service: name(number),
    kind: "service",
    spans: 1000,
    requests: 400,
    ...figures,
  }));
  const edges = [];
  const seen = new Set();
  for (let number = 0; edges.length < EDGES; number++) {
    const caller = number % SERVICES;
    const callee = caller + 1 + ((number * 7919) % 60);
    const pair = `${caller} ${callee}`;
    if (callee >= SERVICES || seen.has(pair)) continue;
    seen.add(pair);
    edges.push({ caller: name(caller), callee: name(callee), calls: 100, ...figures });
  }
  return { nodes, edges };
}

async function measureMap() {
  const map = JSON.stringify(syntheticMap());
  const times = [];
  for (let run = 0; run < Math.ceil(runs / 2); run++) {
    const page = await open("/dependencies?hops=all", async (page) => {
      await page.route("**/service-map*", (route) =>
        route.fulfill({ contentType: "application/json", body: map }),
      );
    });
    await page.waitForSelector("[data-layout-milliseconds]", { state: "attached" });
    const told = await page.getAttribute("[data-layout-milliseconds]", "data-layout-milliseconds");
    times.push(Number(told));
    await page.context().close();
  }
  tell(`map of ${SERVICES} services, layout`, "time", median(times));
}

/** What people do on each page, by keyboard and pointer. */
const VISITS = {
  search: ["/search", RESULT],
  services: ["/services", "main table a"],
  map: ["/dependencies", "[data-layout-milliseconds]"],
  pipeline: ["/pipeline", "main button"],
  trace: [tracePath(10_000), ROWS],
};

async function measureInteractions() {
  let slowest = 0;
  for (const [name, [path, ready]] of Object.entries(VISITS)) {
    const page = await open(path);
    await appeared(page, ready);
    await page.waitForLoadState("networkidle");
    await page.evaluate(() => (window.interactions.length = 0));
    for (const key of ["Tab", "Tab", "ArrowDown", "ArrowDown", "ArrowRight", "?", "Escape", "Tab", "PageDown"]) {
      await page.keyboard.press(key);
      await page.waitForTimeout(150);
    }
    await page.locator(ready).first().click({ noWaitAfter: true });
    await page.waitForTimeout(800);
    const found = await page.evaluate(() => window.interactions);
    // What took less than 16 ms is not told one by one.
    const longest = Math.max(16, ...found);
    tell(`interaction to next paint, ${name} page`, "time", longest);
    slowest = Math.max(slowest, longest);
    await page.context().close();
  }
  tell("interaction to next paint, slowest", "time", slowest);
}

await measureSizes();
await measureSearch();
await measureTrace(10_000);
await measureTrace(100_000);
await measureLargeTrace(100_000);
await measureMap();
await measureInteractions();
await browser.close();
