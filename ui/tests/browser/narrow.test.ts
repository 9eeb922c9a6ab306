/** Every page on a phone: 390 pixels wide. */

import type { Page } from "playwright-core";
import { beforeAll, expect } from "vitest";
import { test } from "./browser";
import { findTraces } from "./demoTraces";

const WIDTH = 390;
const SERVICE = "cns-service";
const WINDOW = "lookback=2h";

let traces: readonly string[];

beforeAll(async () => {
  traces = await findTraces("error", "spans");
});

/** Paths, each with something that is there once the page is. */
function pages(): readonly (readonly [path: string, there: string])[] {
  const [trace, other] = traces as [string, string];
  return [
    [`/search?${WINDOW}`, "main a[href*='/trace/']"],
    [`/search?${WINDOW}&group=root`, "main a[href*='/trace/']"],
    [`/trace/${trace}?uiFind=select`, "[role=treegrid] [role=row]"],
    [`/trace/${trace}?v=table`, "[role=grid] [role=row]"],
    [`/trace/${trace}?v=statistics`, "[role=treegrid] [role=row]"],
    [`/trace/${trace}?v=flame`, "canvas"],
    [`/trace/${trace}?v=logs`, "[role=status]"],
    [`/trace/${trace}?v=json`, "pre"],
    [`/trace/${"0".repeat(31)}1`, "h2"],
    [`/trace/${trace}...${other}`, "[role=treegrid] [role=row]"],
    [`/services?${WINDOW}`, "tbody tr"],
    [`/services?${WINDOW}&service=${SERVICE}`, "tbody tr"],
    [`/dependencies?${WINDOW}`, "tbody tr"],
    [`/dependencies?${WINDOW}&view=map&service=${SERVICE}&sel=${SERVICE}`, "button[data-service]"],
    ["/pipeline", "dl"],
  ];
}

/** How far the page is wider than the window, and what stands out of it. */
function overflowOf(page: Page): Promise<{ pixels: number; outside: string[] }> {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    const isClipped = (element: Element): boolean => {
      const above = element.parentElement;
      if (!above) return false;
      return getComputedStyle(above).overflowX !== "visible" || isClipped(above);
    };
    const outside = [...document.querySelectorAll("body *")]
      .filter((element) => {
        const { right, width } = element.getBoundingClientRect();
        return width > 0 && right > clientWidth + 1 && !isClipped(element);
      })
      .map((element) => element.outerHTML.slice(0, 120));
    return { pixels: scrollWidth - clientWidth, outside };
  });
}

test("no page is wider than a phone", async ({ open }) => {
  const page = await open("/pipeline", { width: WIDTH, height: 844, expectedErrors: ["404"] });
  const origin = new URL(page.url()).origin;
  for (const [path, there] of pages()) {
    await page.goto(origin + path);
    await page.locator(there).first().waitFor();
    expect(await overflowOf(page), path).toEqual({ pixels: 0, outside: [] });
  }
});

test("the times above the bars keep apart from each other", async ({ open }) => {
  const page = await open(`/trace/${traces[0]}`, { width: WIDTH, height: 844 });
  const times = page.getByRole("slider", { name: /^Shown time/ }).locator("span > span");
  await times.first().waitFor();
  const boxes = await Promise.all((await times.all()).map((time) => time.boundingBox()));
  boxes.forEach((box, index) => {
    const before = boxes[index - 1];
    if (before) expect(box!.x).toBeGreaterThanOrEqual(before.x + before.width);
  });
});
