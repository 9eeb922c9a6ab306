/** One sampling rule of X-Ray: what it matches, and what is left of its reservoir. */
import type { AttributeValue, Attributes } from "@opentelemetry/api";

/** As `GetSamplingRules` has it. */
export interface RuleDocument {
  readonly RuleName: string;
  readonly Priority: number;
  readonly FixedRate: number;
  readonly ReservoirSize: number;
  readonly ServiceName?: string;
  readonly ServiceType?: string;
  readonly Host?: string;
  readonly HTTPMethod?: string;
  readonly URLPath?: string;
  readonly Attributes?: Readonly<Record<string, string>>;
}

/** As `GetSamplingTargets` has it. */
export interface TargetDocument {
  readonly RuleName: string;
  readonly FixedRate?: number;
  readonly ReservoirQuota?: number;
  /** Seconds since 1970. */
  readonly ReservoirQuotaTTL?: number;
}

const SERVICE_TYPES: Readonly<Record<string, string>> = {
  aws_ec2: "AWS::EC2::Instance",
  aws_ecs: "AWS::ECS::Container",
  aws_eks: "AWS::EKS::Container",
  aws_elastic_beanstalk: "AWS::ElasticBeanstalk::Environment",
  aws_lambda: "AWS::Lambda::Function",
};

export class Rule {
  private readonly patterns: Readonly<
    Record<"service" | "type" | "host" | "method" | "path", RegExp>
  >;
  private readonly attributePatterns: readonly (readonly [string, RegExp])[];
  private fixedRate: number;
  private quota: number | undefined;
  private quotaEndsMillis = 0;
  private second = 0;
  private takenThisSecond = 0;
  private requests = 0;
  private sampled = 0;
  private borrowed = 0;

  constructor(private readonly document: RuleDocument) {
    this.fixedRate = document.FixedRate;
    this.patterns = {
      service: pattern(document.ServiceName),
      type: pattern(document.ServiceType),
      host: pattern(document.Host),
      method: pattern(document.HTTPMethod),
      path: pattern(document.URLPath),
    };
    this.attributePatterns = Object.entries(document.Attributes ?? {}).map(
      ([key, value]) => [key, pattern(value)] as const,
    );
  }

  get name(): string {
    return this.document.RuleName;
  }

  get priority(): number {
    return this.document.Priority;
  }

  get isUsed(): boolean {
    return this.requests > 0;
  }

  /** This rule with the document that came last; what was counted stays where nothing changed. */
  updated(document: RuleDocument): Rule {
    if (JSON.stringify(document) === JSON.stringify(this.document)) return this;
    return new Rule(document);
  }

  matches(
    name: string,
    attributes: Attributes,
    service: { name: string; platform: string },
  ): boolean {
    const { patterns } = this;
    return (
      patterns.service.test(service.name) &&
      patterns.type.test(SERVICE_TYPES[service.platform] ?? "") &&
      patterns.method.test(text(attributes["http.request.method"] ?? attributes["http.method"])) &&
      patterns.path.test(pathOf(attributes)) &&
      patterns.host.test(hostOf(attributes)) &&
      this.attributePatterns.every(([key, value]) =>
        value.test(text(attributes[key] ?? (key === "name" ? name : ""))),
      )
    );
  }

  /** Whether this trace is kept; first from the reservoir, then by the fixed rate. */
  sample(nowMillis: number): boolean {
    this.requests += 1;
    const isKept = this.takeFromReservoir(nowMillis) || Math.random() < this.fixedRate;
    if (isKept) this.sampled += 1;
    return isKept;
  }

  private takeFromReservoir(nowMillis: number): boolean {
    const second = Math.floor(nowMillis / 1000);
    if (second !== this.second) [this.second, this.takenThisSecond] = [second, 0];
    const hasQuota = this.quota !== undefined && nowMillis < this.quotaEndsMillis;
    // Without a share of the reservoir, one a second is borrowed from it.
    const allowed = hasQuota ? this.quota! : Math.min(1, this.document.ReservoirSize);
    if (this.takenThisSecond >= allowed) return false;
    this.takenThisSecond += 1;
    if (!hasQuota) this.borrowed += 1;
    return true;
  }

  /** The statistics since the last time, which begin anew. */
  takeStatistics(clientId: string, timestampSeconds: number): object {
    const statistics = {
      ClientID: clientId,
      RuleName: this.name,
      Timestamp: timestampSeconds,
      RequestCount: this.requests,
      SampledCount: this.sampled,
      BorrowCount: this.borrowed,
    };
    this.requests = this.sampled = this.borrowed = 0;
    return statistics;
  }

  apply(target: TargetDocument): void {
    if (target.FixedRate !== undefined) this.fixedRate = target.FixedRate;
    if (target.ReservoirQuota === undefined) return;
    this.quota = target.ReservoirQuota;
    this.quotaEndsMillis = (target.ReservoirQuotaTTL ?? 0) * 1000;
  }
}

/** `*` stands for any text and `?` for one character; letters of either case are the same. */
function pattern(glob = "*"): RegExp {
  const source = glob
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, "is");
}

function text(value: AttributeValue | undefined): string {
  return value === undefined ? "" : String(value);
}

function pathOf(attributes: Attributes): string {
  const path = text(attributes["url.path"] ?? attributes["http.target"]);
  if (path !== "") return path.split("?")[0]!;
  const url = text(attributes["url.full"] ?? attributes["http.url"]);
  return URL.canParse(url) ? new URL(url).pathname : "";
}

function hostOf(attributes: Attributes): string {
  const host = text(
    attributes["http.host"] ?? attributes["server.address"] ?? attributes["net.host.name"],
  );
  const port = attributes["server.port"];
  const isPlain = port === undefined || port === 80 || port === 443 || host.includes(":");
  return isPlain ? host : `${host}:${text(port)}`;
}
