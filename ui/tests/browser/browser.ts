/**
 * Pages in a real Chromium. A test fails when its page logs an error, or asks another server than
 * ours for anything.
 */

import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";
import { expect, inject, test as base } from "vitest";

const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
const ARTIFACTS = resolve(import.meta.dirname, "../../../artifacts/ui");

export type Theme = "light" | "dark";

export interface PageOptions {
  readonly theme?: Theme;
  readonly width?: number;
  readonly height?: number;
  /** The server whose pages are opened; the one with the demo unless said. */
  readonly url?: string;
  /** Parts of messages in the console that belong to the test, such as a status it provokes. */
  readonly expectedErrors?: readonly string[];
}

export interface Fixtures {
  readonly browser: Browser;
  /** Opens a path in a window of its own. */
  open(path: string, options?: PageOptions): Promise<Page>;
}

export const test = base.extend<Fixtures>({
  browser: [
    async ({}, provide) => {
      const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
      await provide(browser);
      await browser.close();
    },
    { scope: "file" },
  ],
  open: async ({ browser }, provide) => {
    const problems: string[] = [];
    const pages: Page[] = [];
    await provide(async (path, options = {}) => {
      const page = await openPage(browser, path, options, problems);
      pages.push(page);
      return page;
    });
    for (const page of pages) await page.context().close();
    expect(problems, "errors in the console, or requests to other servers").toEqual([]);
  },
});

async function openPage(
  browser: Browser,
  path: string,
  options: PageOptions,
  problems: string[],
): Promise<Page> {
  const { theme = "light", width = 1440, height = 900, expectedErrors = [] } = options;
  const url = options.url ?? inject("url");
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: theme,
    reducedMotion: "reduce",
    timezoneId: "Asia/Kolkata",
    locale: "en-GB",
    permissions: ["clipboard-read", "clipboard-write"],
  });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const isExpected = (text: string) => expectedErrors.some((part) => text.includes(part));
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    const text = message.text();
    if (message.type() === "error" && !isExpected(text)) problems.push(text);
  });
  page.on("request", (request) => {
    const asked = request.url();
    if (!asked.startsWith(url) && !/^(data|blob):/.test(asked)) problems.push(`asked ${asked}`);
  });
  await page.goto(url + path);
  return page;
}

/** Runs axe over what is shown; WCAG 2.2 A and AA, and no violation allowed. */
export async function expectAccessible(page: Page): Promise<void> {
  const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
  await page.evaluate(await readFile(axe, "utf8"));
  const violations = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: typeof import("axe-core") };
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const { violations } = await axe.run(document, { runOnly: { type: "tag", values: tags } });
    return violations.map(
      ({ id, help, nodes }) =>
        `${id}: ${help}: ${nodes.map(({ html }) => html.slice(0, 200)).join(" | ")}`,
    );
  });
  expect(violations).toEqual([]);
}

/** Keeps what the page looks like as `artifacts/ui/NAME.png`. */
export async function keepScreenshot(page: Page, name: string): Promise<void> {
  const path = resolve(ARTIFACTS, `${name}.png`);
  await mkdir(dirname(path), { recursive: true });
  await page.screenshot({ path });
}
