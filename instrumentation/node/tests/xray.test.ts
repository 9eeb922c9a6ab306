/** Sampling by X-Ray's rules, from a daemon that speaks its protocol. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import { ROOT_CONTEXT, SpanKind, type Attributes } from "@opentelemetry/api";
import { SamplingDecision } from "@opentelemetry/sdk-trace";
import { afterEach, beforeEach, expect, test } from "vitest";

import { parseOptions, XRaySampler } from "../dist/sampling/xray.js";
import { start } from "./support/program.js";

let daemon: Server;
let rules: object[] = [];
let targets: object[] = [];
let statistics: any[] = [];
let lastRuleModification = 0;
let problems: string[] = [];
let sampler: XRaySampler | undefined;

beforeEach(async () => {
  [rules, targets, statistics, problems] = [[], [], [], []];
  lastRuleModification = 0;
  daemon = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = JSON.parse(Buffer.concat(chunks).toString());
      if (request.url === "/GetSamplingRules") {
        // Two pages, as the service may answer.
        const page = body.NextToken === undefined ? rules.slice(0, 1) : rules.slice(1);
        const NextToken = body.NextToken === undefined && rules.length > 1 ? "2" : undefined;
        response.end(
          JSON.stringify({
            SamplingRuleRecords: page.map((SamplingRule) => ({ SamplingRule })),
            NextToken,
          }),
        );
      } else {
        statistics.push(...body.SamplingStatisticsDocuments);
        response.end(
          JSON.stringify({
            SamplingTargetDocuments: targets,
            LastRuleModification: lastRuleModification,
          }),
        );
      }
    });
  });
  await new Promise<void>((resolve) => daemon.listen(0, "127.0.0.1", resolve));
});
afterEach(() => {
  sampler?.shutdown();
  daemon.closeAllConnections();
  daemon.close();
});

const rule = (name: string, priority: number, rate: number, rest: object = {}) => ({
  RuleName: name,
  Priority: priority,
  FixedRate: rate,
  ReservoirSize: 0,
  ServiceName: "*",
  ServiceType: "*",
  Host: "*",
  HTTPMethod: "*",
  URLPath: "*",
  ...rest,
});

const address = () => `http://127.0.0.1:${(daemon.address() as AddressInfo).port}`;

async function started(endpoint = address()): Promise<XRaySampler> {
  sampler = new XRaySampler(
    { endpoint, pollingSeconds: 300 },
    { name: "shop", platform: "" },
    (problem) => problems.push(problem),
  );
  await sampler.pollRules();
  return sampler;
}

function kept(attributes: Attributes, count = 1000): number {
  let found = 0;
  for (let index = 0; index < count; index++) {
    const { decision } = sampler!.shouldSample(
      ROOT_CONTEXT,
      "",
      "GET",
      SpanKind.SERVER,
      attributes,
      [],
    );
    if (decision === SamplingDecision.RECORD_AND_SAMPLED) found += 1;
  }
  return found;
}

test("the first rule by priority that matches decides", async () => {
  rules = [
    rule("default", 10000, 0),
    rule("health", 1, 0, { URLPath: "/health*" }),
    rule("critical", 5, 1, { URLPath: "/tenants/*", HTTPMethod: "post" }),
    rule("tier", 6, 1, { Attributes: { "tenant.tier": "prem?um" } }),
  ];
  await started();
  expect(kept({ "url.path": "/tenants/1", "http.request.method": "POST" })).toBe(1000);
  expect(kept({ "url.path": "/tenants/1", "http.request.method": "GET" })).toBe(0);
  expect(kept({ "url.path": "/healthz" })).toBe(0);
  expect(kept({ "url.path": "/x", "tenant.tier": "Premium" })).toBe(1000);
});

test("the rate follows a change of the rules", async () => {
  rules = [rule("default", 10000, 0)];
  await started();
  expect(kept({})).toBe(0);
  rules = [rule("default", 10000, 1)];
  await sampler!.pollRules();
  expect(kept({})).toBe(1000);
});

test("a whole service follows a change, also in a process it forked", async () => {
  rules = [rule("default", 10000, 1)];
  const program = start("sampled.cjs", "", {
    env: {
      OTEL_TRACES_SAMPLER: "xray",
      OTEL_TRACES_SAMPLER_ARG: `endpoint=${address()},polling_interval=0.2`,
      OTEL_TRACES_EXPORTER: "none",
    },
  });
  const shares = () => program.stdout.split("\n");
  for (const share of [1, 0]) {
    rules = [rule("default", 10000, share)];
    for (const who of ["primary", "worker"])
      await expect.poll(shares, { timeout: 10_000 }).toContain(`${who} keeps ${share}`);
  }
  expect((await program.stop()).stderr).toBe("");
});

test("rules are asked for at once where the daemon says they have changed", async () => {
  rules = [rule("default", 10000, 0)];
  await started();
  rules = [rule("default", 10000, 1)];
  // By the clock of the service, which need not be this one's.
  lastRuleModification = Date.now() / 1000 - 3600;
  expect(kept({})).toBe(0);
  await sampler!.pollTargets();
  expect(kept({})).toBe(1000);
});

test("reports what was sampled, and takes rate and quota of the answer", async () => {
  rules = [rule("default", 10000, 0, { ReservoirSize: 5 })];
  await started();
  const before = kept({}, 10);
  expect(before).toBeGreaterThanOrEqual(1);
  targets = [
    {
      RuleName: "default",
      FixedRate: 0,
      ReservoirQuota: 50,
      ReservoirQuotaTTL: Date.now() / 1000 + 60,
    },
  ];
  await sampler!.pollTargets();
  expect(statistics).toMatchObject([
    { RuleName: "default", RequestCount: 10, SampledCount: before, BorrowCount: before },
  ]);
  expect(statistics[0].ClientID).toMatch(/^[0-9a-f]{24}$/);
  expect(kept({}, 200)).toBeGreaterThanOrEqual(49);
});

test("without a daemon, about one a second and 5 % are kept, and it is told once", async () => {
  daemon.close();
  await started("http://127.0.0.1:9");
  await sampler!.pollRules();
  const share = kept({}, 10_000);
  expect(share).toBeGreaterThan(350);
  expect(share).toBeLessThan(700);
  expect(problems).toHaveLength(1);
});

test("the argument is read with a default for what is missing or wrong", () => {
  const report = (problem: string) => problems.push(problem);
  expect(parseOptions("endpoint=localhost:2001, polling_interval=60", report)).toEqual({
    endpoint: "http://localhost:2001",
    pollingSeconds: 60,
  });
  expect(parseOptions("", report)).toEqual({
    endpoint: "http://127.0.0.1:2000",
    pollingSeconds: 300,
  });
  expect(problems).toEqual([]);
  parseOptions("interval=5", report);
  expect(problems).toHaveLength(1);
});
