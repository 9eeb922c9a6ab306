import { describe, expect, it } from "vitest";
import type { Answers } from "@/api/client";
import { findOtlpEndpoints, writeSnippets } from "@/model/snippets";

const TRACE_ID = "5b8efff798038103d269b633813fc60c";

function receiver(id: string, addresses: Record<string, string>): Answers["PipelineComponent"] {
  return { kind: "receivers", id, addresses } as unknown as Answers["PipelineComponent"];
}

describe("findOtlpEndpoints", () => {
  it("takes a loopback address as it is, and says who can reach it", () => {
    const components = [receiver("otlp", { grpc: "127.0.0.1:4317", http: "127.0.0.1:4318" })];
    expect(findOtlpEndpoints(components, "traces.example")).toEqual({
      http: "http://127.0.0.1:4318",
      grpc: "http://127.0.0.1:4317",
      localOnly: true,
    });
  });

  it.each(["0.0.0.0:4318", "[::]:4318", ":4318"])("reaches %s by the host of the page", (http) => {
    expect(findOtlpEndpoints([receiver("otlp/all", { http })], "traces.example")).toEqual({
      http: "http://traces.example:4318",
      grpc: null,
      localOnly: false,
    });
  });

  it("looks at OTLP receivers with a port alone", () => {
    const components = [
      receiver("zipkin", { http: "127.0.0.1:9411" }),
      receiver("otlp/socket", { grpc: "/run/otlp.sock" }),
    ];
    expect(findOtlpEndpoints(components, "localhost")).toEqual({
      http: null,
      grpc: null,
      localOnly: false,
    });
  });
});

describe("writeSnippets", () => {
  it("names the endpoint in every program", () => {
    const endpoints = { http: "http://host:1234", grpc: null, localOnly: false };
    const snippets = writeSnippets(endpoints, TRACE_ID);
    expect(snippets.map(({ key }) => key)).toEqual([
      "python",
      "node",
      "collector",
      "environment",
      "curl",
    ]);
    for (const { text } of snippets) expect(text).toContain("http://host:1234");
  });

  it("uses gRPC where HTTP is not taken, and leaves out curl", () => {
    const snippets = writeSnippets(
      { http: null, grpc: "http://host:1234", localOnly: false },
      TRACE_ID,
    );
    expect(snippets.map(({ key }) => key)).toEqual(["python", "node", "collector", "environment"]);
    for (const { text } of snippets) expect(text).toContain("host:1234");
    const all = snippets.map(({ text, install }) => `${text}${install ?? ""}`).join("\n");
    expect(all).not.toMatch(/http\/protobuf|proto-http|\/v1\/traces/);
  });

  it("names the usual ports where no receiver takes OTLP", () => {
    const [python] = writeSnippets({ http: null, grpc: null, localOnly: false }, TRACE_ID);
    expect(python?.text).toContain("http://localhost:4318/v1/traces");
  });
});
