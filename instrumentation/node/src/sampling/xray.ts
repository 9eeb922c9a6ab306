/**
 * Sampling by the rules of AWS X-Ray, fetched from its daemon or an OpenTelemetry Collector.
 *
 * Rules are asked for every 5 minutes, and every 10 seconds how much of each rule's reservoir this
 * process may use. Until rules arrive, one trace a second and 5 % of the others are kept.
 */
import { randomBytes } from "node:crypto";
import { request as requestHttp } from "node:http";

import {
  context,
  ROOT_CONTEXT,
  type Attributes,
  type Context,
  type Link,
  type SpanKind,
} from "@opentelemetry/api";
import { SamplingDecision, type Sampler, type SamplingResult } from "@opentelemetry/sdk-trace";

import { messageOf } from "../log.js";
import type { Settings } from "../settings/index.js";
import { Rule, type RuleDocument, type TargetDocument } from "./xray-rule.js";

const DEFAULT_ENDPOINT = "http://127.0.0.1:2000";
const DEFAULT_POLLING_SECONDS = 300;
const TARGET_SECONDS = 10;
const REQUEST_TIMEOUT_MILLIS = 5000;
const FALLBACK: RuleDocument = {
  RuleName: "Fallback",
  Priority: 10_001,
  FixedRate: 0.05,
  ReservoirSize: 1,
};
const DROP: SamplingResult = { decision: SamplingDecision.NOT_RECORD };
const KEEP: SamplingResult = { decision: SamplingDecision.RECORD_AND_SAMPLED };

/** What `endpoint=…,polling_interval=…` says. */
export interface XRayOptions {
  readonly endpoint: string;
  readonly pollingSeconds: number;
}

/** The sampler of these settings, polling from now on. */
export function createXRaySampler(
  settings: Settings,
  report: (problem: string) => void,
): XRaySampler {
  const platform = settings.resourceAttributes["cloud.platform"];
  return new XRaySampler(
    parseOptions(settings.sampler.argument, report),
    { name: settings.serviceName, platform: typeof platform === "string" ? platform : "" },
    report,
  );
}

/** Reads `endpoint=http://127.0.0.1:2000,polling_interval=300`, blanks and order of no matter. */
export function parseOptions(text: string, report: (problem: string) => void): XRayOptions {
  const options = { endpoint: DEFAULT_ENDPOINT, pollingSeconds: DEFAULT_POLLING_SECONDS };
  for (const item of text
    .split(",")
    .map((each) => each.trim())
    .filter(Boolean)) {
    const [key = "", value = ""] = item.split(/=(.*)/s).map((part) => part.trim());
    const url = value.includes("://") ? value : `http://${value}`;
    if (key === "endpoint" && URL.canParse(url)) options.endpoint = url.replace(/\/+$/, "");
    else if (key === "polling_interval" && Number(value) > 0)
      options.pollingSeconds = Number(value);
    else {
      report(
        `OTEL_TRACES_SAMPLER_ARG: '${item}' is left out; write endpoint=URL,polling_interval=SECONDS`,
      );
    }
  }
  return options;
}

export class XRaySampler implements Sampler {
  private rules: Rule[] = [];
  private fallback: Rule;
  private readonly clientId = randomBytes(12).toString("hex");
  private readonly timers: NodeJS.Timeout[] = [];
  private lastFailure = "";
  /** When the rules were changed last, by the clock of the service. */
  private lastModification = 0;

  constructor(
    private readonly options: XRayOptions,
    private readonly service: { readonly name: string; readonly platform: string },
    private readonly report: (problem: string) => void,
  ) {
    this.fallback = new Rule(FALLBACK);
    void this.pollRules();
    context.with(ROOT_CONTEXT, () => {
      this.timers.push(
        setInterval(() => void this.pollRules(), options.pollingSeconds * 1000).unref(),
        setInterval(() => void this.pollTargets(), TARGET_SECONDS * 1000).unref(),
      );
    });
  }

  shouldSample(
    _context: Context,
    _traceId: string,
    name: string,
    _kind: SpanKind,
    attributes: Attributes,
    _links: Link[],
  ): SamplingResult {
    const rule =
      this.rules.find((each) => each.matches(name, attributes, this.service)) ?? this.fallback;
    return rule.sample(Date.now()) ? KEEP : DROP;
  }

  toString(): string {
    return `XRaySampler{${this.options.endpoint}}`;
  }

  /** Stops polling. */
  shutdown(): void {
    this.timers.forEach(clearInterval);
  }

  /** Fetches the rules; those that stay keep what they counted. */
  async pollRules(): Promise<void> {
    const records: { SamplingRule?: RuleDocument }[] = [];
    let token: string | undefined;
    do {
      const page = await this.ask(
        "/GetSamplingRules",
        token === undefined ? {} : { NextToken: token },
      );
      if (page === undefined) return;
      records.push(...((page["SamplingRuleRecords"] as typeof records | undefined) ?? []));
      token = page["NextToken"] as string | undefined;
    } while (token);
    const known = new Map(this.rules.map((rule) => [rule.name, rule]));
    this.rules = records
      .flatMap(({ SamplingRule: document }) => (document?.RuleName ? [document] : []))
      .map((document) => known.get(document.RuleName)?.updated(document) ?? new Rule(document))
      .sort((left, right) => left.priority - right.priority || (left.name < right.name ? -1 : 1));
  }

  /** Tells what was sampled and takes the share of each reservoir. */
  async pollTargets(): Promise<void> {
    const used = this.rules.filter((rule) => rule.isUsed);
    if (used.length === 0) return;
    const timestamp = Date.now() / 1000;
    const answer = await this.ask("/SamplingTargets", {
      SamplingStatisticsDocuments: used.map((rule) =>
        rule.takeStatistics(this.clientId, timestamp),
      ),
    });
    const targets = (answer?.["SamplingTargetDocuments"] as TargetDocument[] | undefined) ?? [];
    for (const target of targets) {
      this.rules.find((rule) => rule.name === target.RuleName)?.apply(target);
    }
    const modified = Number(answer?.["LastRuleModification"] ?? 0);
    if (modified > this.lastModification) {
      this.lastModification = modified;
      await this.pollRules();
    }
  }

  private async ask(path: string, body: object): Promise<Record<string, unknown> | undefined> {
    try {
      const answer = await post(this.options.endpoint + path, JSON.stringify(body));
      this.lastFailure = "";
      return answer;
    } catch (error) {
      const reason = messageOf(error);
      if (this.lastFailure === "") {
        this.report(
          `the sampling rules of X-Ray cannot be fetched from ${this.options.endpoint} (${reason}); ` +
            "until then one trace a second and 5 % of the others are kept",
        );
      }
      this.lastFailure = reason;
      return undefined;
    }
  }
}

function post(url: string, body: string): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const request = requestHttp(url, {
      method: "POST",
      headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
      timeout: REQUEST_TIMEOUT_MILLIS,
    });
    request.on("socket", (socket) => socket.unref());
    request.on("timeout", () => request.destroy(new Error("no answer")));
    request.on("error", reject);
    request.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        if (response.statusCode !== 200) {
          reject(new Error(`answer ${response.statusCode ?? 0}`));
          return;
        }
        try {
          resolve(JSON.parse(Buffer.concat(chunks).toString("utf8")) as Record<string, unknown>);
        } catch {
          reject(new Error("the answer is not JSON"));
        }
      });
    });
    request.end(body);
  });
}
