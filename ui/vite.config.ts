/** The build goes into the Python package, which serves it; see `src/ananta/api/web.py`. */

import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { precompress } from "./build/precompress.ts";

const server = process.env["ANANTA_URL"] ?? "http://localhost:16686";

export default defineConfig({
  // The document's <base> says where the application is served, so files are named relative to it.
  base: "./",
  plugins: [react(), precompress()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    outDir: "../src/ananta/api/static",
    emptyOutDir: true,
    target: "es2023",
    manifest: true,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            // By itself, or "shared" would take it in with what it is needed for.
            { name: "react", test: /node_modules\/(react|react-dom|scheduler)\//, priority: 1 },
            // One file for the small things that pages share: many come one after the other.
            {
              name: "shared",
              test: /lucide-react|\/src\/(?!pages\/)/,
              minShareCount: 2,
              maxModuleSize: 2000,
            },
          ],
        },
      },
    },
  },
  worker: { format: "es" },
  server: { proxy: { "/api": server } },
  test: {
    projects: [
      { extends: true, test: { name: "unit", include: ["tests/unit/**/*.test.{ts,tsx}"] } },
      {
        extends: true,
        test: {
          name: "browser",
          include: ["tests/browser/**/*.test.ts"],
          globalSetup: "tests/browser/platform.ts",
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // As long as pages are given: a busy machine is no failure.
          expect: { poll: { timeout: 30_000 } },
        },
      },
    ],
  },
});
