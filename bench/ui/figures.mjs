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

/** A page in a window with empty caches, once it shows what `ready` selects; and when it did. */
async function open(path, ready, prepare = async () => {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  await page.addInitScript(watchPage, ready);
  await prepare(page);
  const began = now();
  await page.goto(url + path, { waitUntil: "commit" });
  const appeared = await page.waitForFunction(() => window.appeared);
  return { page, began, appeared: await appeared.jsonValue() };
}

/** Runs in the page: notes when an element first appears, and how long interactions take. */
function watchPage(ready) {
  const observer = new MutationObserver(() => {
    if (!document.querySelector(ready)) return;
    observer.disconnect();
    // Twice: once before the frame that shows it, once after.
    requestAnimationFrame(() =>
      requestAnimationFrame(() => (window.appeared = performance.timeOrigin + performance.now())),
    );
  });
  observer.observe(document, { childList: true, subtree: true, attributes: true });
  window.interactions = [];
  new PerformanceObserver((list) => {
    for (const { interactionId, duration } of list.getEntries()) {
      if (interactionId) window.interactions.push(duration);
    }
  }).observe({ type: "event", durationThreshold: 16 });
}

/** Sizes of the scripts a page asks for, workers' included, by URL. */
async function scripts(path, ready) {
  const asked = new Set();
  const { page } = await open(path, ready, async (page) => {
    page.context().on("request", (request) => {
      if (/\.js$/.test(new URL(request.url()).pathname)) asked.add(request.url());
    });
  });
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
const NODE = "button[data-service]";
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
    const { page, began, appeared } = await open("/search", RESULT);
    times.push(appeared - began);
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
    const { page, appeared } = await open(tracePath(size), ROWS, async (page) => {
      page.context().on("requestfinished", (request) => {
        if (request.url().includes(`/v1/traces/${traces[size]}`)) lastByte ||= now();
      });
    });
    usable.push(appeared - lastByte);
    await page.context().close();
  }
  tell(`${name}, usable after the last byte`, "time", median(usable));
}

async function measureLargeTrace(size) {
  const name = `${size.toLocaleString("en-US")} spans`;
  const { page } = await open(tracePath(size), ROWS);
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
  while (scroller && scroller.scrollHeight <= scroller.clientHeight + 1)
    scroller = scroller.parentElement;
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

/** From an input to the frame that shows the last text or element it changed within another. */
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
      observer.observe(document.querySelector(within), {
        childList: true,
        subtree: true,
        characterData: true,
      });
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

/** A made-up platform of eight tiers, each called by the tier before. */
function syntheticMap() {
  const tier = Math.ceil(SERVICES / 8);
  const name = (number) => `service-${number}`;
  const figures = { errors: 3, p50_nanos: 4e6, p95_nanos: 21e6 };
  const nodes = Array.from({ length: SERVICES }, (_, number) => ({
    service: name(number),
    kind: "service",
    spans: 1000,
    requests: 400,
    ...figures,
  }));
  const called = SERVICES - tier;
  const edges = Array.from({ length: EDGES }, (_, number) => {
    const callee = tier + (number % called);
    const shift = callee * 31 + Math.floor(number / called) * 17;
    const caller = (Math.floor(callee / tier) - 1) * tier + (shift % tier);
    return { caller: name(caller), callee: name(callee), calls: 100, messages: 0, ...figures };
  });
  return { nodes, edges };
}

/** Runs in the page: notes from the question to a worker to its answer, in milliseconds. */
function watchWorkers() {
  window.layouts = [];
  const { Worker } = window;
  window.Worker = class extends Worker {
    postMessage(...question) {
      const asked = performance.now();
      this.addEventListener("message", () => window.layouts.push(performance.now() - asked));
      super.postMessage(...question);
    }
  };
}

async function measureMap() {
  const map = JSON.stringify(syntheticMap());
  const times = [];
  for (let run = 0; run < Math.ceil(runs / 2); run++) {
    const { page } = await open("/dependencies?hops=all", NODE, async (page) => {
      await page.addInitScript(watchWorkers);
      await page.route("**/service-map*", (route) =>
        route.fulfill({ contentType: "application/json", body: map }),
      );
    });
    times.push(await page.evaluate(() => window.layouts.at(-1)));
    await page.context().close();
  }
  tell(`map of ${SERVICES} services, layout`, "time", median(times));
}

/** What people do on each page: keys, then a click on what it lists. */
const VISITS = {
  search: ["/search", RESULT, ["/", "s", "e", "r", "ArrowDown", "Escape", "Tab", "PageDown"]],
  services: ["/services", "main table a", ["Tab", "Tab", "ArrowDown", "PageDown"]],
  map: ["/dependencies", NODE, ["Tab", "+", "+", "-", "0", "Tab", "ArrowRight"]],
  pipeline: ["/pipeline", "main button", ["Tab", "Tab", "PageDown"]],
  trace: [
    tracePath(10_000),
    ROWS,
    [
      "/",
      "c",
      "h",
      "Escape",
      "[",
      "]",
      "ArrowDown",
      "ArrowDown",
      "ArrowLeft",
      "ArrowRight",
      "PageDown",
    ],
  ],
};

async function measureInteractions() {
  let slowest = 0;
  for (const [name, [path, ready, keys]] of Object.entries(VISITS)) {
    const { page } = await open(path, ready);
    await page.waitForLoadState("networkidle");
    await page.evaluate(() => (window.interactions.length = 0));
    for (const key of keys) {
      await page.keyboard.press(key);
      await page.waitForTimeout(200);
    }
    await page.keyboard.press("?");
    await page.locator("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.locator("dialog").waitFor({ state: "detached" });
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
