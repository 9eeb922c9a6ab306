/** The frame around all pages: navigation, zone, theme, shortcuts, embedding. */

import { expect } from "vitest";
import { test } from "./browser";

test("goes from the root to the search page", async ({ open }) => {
  const page = await open("/");
  await page.waitForURL("**/search");
  await page.getByRole("link", { name: "Search", exact: true }).waitFor();
});

test("leads to every page", async ({ open }) => {
  const page = await open("/search");
  for (const [name, path] of [
    ["Services", "/services"],
    ["Service map", "/dependencies"],
    ["Pipeline", "/pipeline"],
  ] as const) {
    await page.getByRole("navigation").getByRole("link", { name }).click();
    await page.waitForURL(`**${path}`);
    expect(await page.locator("[aria-current=page]").textContent()).toContain(name);
  }
});

test("carries the stretch of time on from page to page", async ({ open }) => {
  const page = await open("/search?lookback=6h&q=error");
  const to = (name: string) =>
    page.getByRole("navigation").getByRole("link", { name, exact: true }).click();
  await to("Services");
  await page.waitForURL("**/services?lookback=6h");
  await page.getByRole("button", { name: "Last 6 hours" }).waitFor();
  await to("Pipeline");
  await page.waitForURL("**/pipeline");
  await to("Service map");
  await page.waitForURL("**/dependencies?lookback=6h");
  await page.getByRole("button", { name: "Last 6 hours" }).waitFor();
  await page.keyboard.press("Control+k");
  const dialog = page.getByRole("dialog", { name: "Go to" });
  await dialog.waitFor();
  await page.keyboard.type("cns-service traces");
  await dialog.getByRole("option", { name: "cns-service: traces" }).click();
  await page.waitForURL("**/search?service=cns-service&lookback=6h");
});

test("opens the help sheet by its key, lists what works, and closes it", async ({ open }) => {
  const page = await open("/search");
  await page.getByRole("navigation").waitFor();
  await page.keyboard.press("?");
  const sheet = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await sheet.getByText("Go to a page, service or trace").waitFor();
  await page.keyboard.press("Escape");
  await sheet.waitFor({ state: "detached" });
});

test("Escape closes the help sheet and the palette on a trace, too", async ({ open }) => {
  const page = await open("/search?lookback=2h");
  await page.locator('main a[href*="/trace/"]').first().click();
  await page.getByRole("treegrid").waitFor();
  const { href } = new URL(page.url());
  for (const [key, name] of [
    ["?", "Keyboard shortcuts"],
    ["Control+k", "Go to"],
  ] as const) {
    await page.keyboard.press(key);
    const dialog = page.getByRole("dialog", { name });
    await dialog.waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    expect(page.url()).toBe(href);
  }
});

test("the palette shows pages and services at once, and takes what is typed", async ({ open }) => {
  const page = await open("/search");
  await page.getByRole("navigation").waitFor();
  await page.keyboard.press("Control+k");
  const dialog = page.getByRole("dialog", { name: "Go to" });
  await dialog.getByRole("option", { name: "Service map" }).waitFor();
  await dialog
    .getByRole("option", { name: /: traces$/ })
    .first()
    .waitFor();
  await page.keyboard.type("pipel");
  await expect.poll(() => dialog.getByRole("option").count()).toBe(1);
  await page.keyboard.press("Enter");
  await page.waitForURL("**/pipeline");
});

test("goes to a service by the palette", async ({ open }) => {
  const page = await open("/search");
  await page.getByRole("navigation").waitFor();
  await page.keyboard.press("Control+k");
  await page
    .getByRole("combobox", { name: "Page, service or trace id" })
    .fill("billing-service calls");
  await page.getByRole("option", { name: "billing-service: who calls it" }).waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL("**/dependencies?service=billing-service");
});

test("says what is wrong with a trace id, and keeps the theme", async ({ open }) => {
  const page = await open("/search");
  const box = page.getByRole("textbox", { name: "Open a trace by its id" });
  await box.fill("hello");
  await box.press("Enter");
  expect(await box.getAttribute("aria-invalid")).toBe("true");
  await page.getByRole("button", { name: "Theme: system" }).click();
  await page.getByRole("button", { name: "Theme: light" }).click();
  expect(await page.locator("html").getAttribute("data-theme")).toBe("dark");
  await page.reload();
  await page.getByRole("button", { name: "Theme: dark" }).waitFor();
});

test("has no navigation where it is embedded", async ({ open }) => {
  const page = await open("/search?uiEmbed=v0&uiTheme=dark");
  await page.locator("main").waitFor();
  expect(await page.getByRole("navigation").count()).toBe(0);
  expect(await page.locator("html").getAttribute("data-theme")).toBe("dark");
});

test("keeps Jaeger's monitor links working", async ({ open }) => {
  const page = await open("/monitor?service=billing-service");
  await page.waitForURL("**/services?service=billing-service");
});
