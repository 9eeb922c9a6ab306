import { readFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";
import { expect, test } from "vitest";

test("the types of answers are those of the API's description", async () => {
  const types = await openapiTS(new URL("../../../docs/openapi.json", import.meta.url), {
    immutable: true,
    alphabetize: true,
  });
  const kept = await readFile(new URL("../../src/api/schema.d.ts", import.meta.url), "utf8");
  expect(kept, "run `make docs`").toContain(astToString(types).trim());
});
