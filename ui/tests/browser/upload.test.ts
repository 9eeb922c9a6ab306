/** Traces opened from files. */

import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import { expect } from "vitest";
import { expectAccessible, keepScreenshot, test } from "./browser";

const GOLDEN = new URL("../../../tests/golden/jaeger/", import.meta.url);
const golden = (name: string) => readFile(new URL(name, GOLDEN));
const ID = "5b8efff798038103d269b633813fc60c";

interface TestFile {
  readonly name: string;
  readonly content: string | Buffer;
}

async function choose(page: Page, ...files: readonly TestFile[]): Promise<void> {
  await page.getByRole("button", { name: "Open files of traces" }).click();
  const choosing = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Open files", exact: true }).click();
  await (
    await choosing
  ).setFiles(
    files.map(({ name, content }) => ({
      name,
      mimeType: "application/json",
      buffer: Buffer.from(content),
    })),
  );
}

test("opens Jaeger's JSON, says that it is from a file, and keeps it", async ({ open }) => {
  const page = await open("/pipeline");
  const content = await golden("transform-out.json");
  const first = { data: [(JSON.parse(content.toString()) as { data: object[] }).data[0]] };
  await choose(page, { name: "mine.json", content: JSON.stringify(first) });
  await page.waitForURL(`**/trace/${ID}`);
  await page.getByText("from file mine.json, not stored here").waitFor();
  await page
    .getByRole("treegrid")
    .getByRole("row", { name: /POST \/buy/ })
    .waitFor();
  await page.reload();
  await page.getByText("from file mine.json, not stored here").waitFor();
  await page
    .getByRole("treegrid")
    .getByRole("row", { name: /POST \/buy/ })
    .waitFor();
  await page.getByRole("button", { name: "JSON", exact: true }).click();
  await page.getByText("As read from mine.json").waitFor();
  await page.getByText(/"operationName": "POST \/buy"/).waitFor();
});

test("opens OTLP, a document or one a line", async ({ open }) => {
  const page = await open("/pipeline");
  const otlp = JSON.stringify(JSON.parse((await golden("transform-in.json")).toString()));
  await choose(
    page,
    { name: "whole.json", content: otlp },
    { name: "lines.jsonl", content: `${otlp}\n${otlp.replaceAll(ID, ID.replace("5b", "6c"))}\n` },
  );
  const list = page.getByRole("list", { name: "Traces read from files" });
  await list.getByRole("listitem").filter({ hasText: "lines.jsonl" }).first().waitFor();
  await expectAccessible(page);
  await keepScreenshot(page, "upload");
  await list
    .getByRole("link", { name: /POST \/buy/ })
    .first()
    .click();
  await page.waitForURL(/\/trace\/[0-9a-f]{32}$/);
  await page.getByText(/from file (lines|whole)/).waitFor();
});

test("tells which file is broken, where, and reads the others", async ({ open }) => {
  const page = await open("/pipeline", { expectedErrors: ["400"] });
  await choose(
    page,
    { name: "cut.json", content: '{"data": [\n{"traceID": "a' },
    { name: "odd.json", content: '{"data": [{"traceID": "a", "spans": [{"spanID": "?"}]}]}' },
    { name: "otlp.json", content: '{"resourceSpans": [{"scopeSpans": 3}]}' },
    { name: "good.json", content: await golden("transform-out.json") },
  );
  await page.getByText(/cut\.json: Line 2, column 15: the file ends/).waitFor();
  await page.getByText(/odd\.json: data\[0\]\.spans\[0\]\.spanID: there should be an id/).waitFor();
  await page.getByText(/otlp\.json: The OTLP is not right: .*scopeSpans/).waitFor();
  const good = page.getByRole("listitem").filter({ hasText: "good.json" }).first();
  await good.getByRole("button", { name: /^Remove/ }).click();
  await expect
    .poll(() => page.getByRole("dialog").getByRole("listitem").count())
    .toBeLessThan(
      (JSON.parse((await golden("transform-out.json")).toString()) as { data: object[] }).data
        .length,
    );
});

test("takes files that are dropped", async ({ open }) => {
  const page = await open("/pipeline");
  await page.getByRole("button", { name: "Open files of traces" }).click();
  const text = (await golden("transform-out.json")).toString();
  const transfer = await page.evaluateHandle((text) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([text], "dropped.json"));
    return transfer;
  }, text);
  const zone = page.getByRole("region", { name: "Traces from files" }).locator("> div").first();
  await zone.dispatchEvent("drop", { dataTransfer: transfer });
  await page.getByText("dropped.json").first().waitFor();
});
