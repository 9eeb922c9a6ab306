import { describe, expect, it } from "vitest";
import { partOfConfig, tokenizeYaml } from "@/model/yaml";

const CONFIG = `receivers:
  otlp:
    protocols:
      http:
        endpoint: localhost:4318
  otlp/away:
    protocols:
      grpc: null
exporters:
  otlp:
    endpoint: http://me:[REDACTED]@127.0.0.1:29029
    headers:
      authorization: '[REDACTED]'
  debug: {}
service:
  extensions:
  - query
`;

/** The tokens that are more than plain, as `kind text`. */
function told(line: string): readonly string[] {
  return tokenizeYaml(line)[0]!
    .filter(({ kind }) => kind !== "plain")
    .map(({ kind, text }) => `${kind} ${text}`);
}

describe("tokenizeYaml", () => {
  it("loses nothing", () => {
    const text = `${CONFIG}a: |\n  block: text # no comment\n\n  more\nb: "x # y" # z\n- - c: 1\n? odd\n`;
    const lines = tokenizeYaml(text).map((tokens) => tokens.map((token) => token.text).join(""));
    expect(`${lines.join("\n")}\n`).toBe(text);
  });

  it.each([
    ["  endpoint: localhost:4318", ["key endpoint", "text localhost:4318"]],
    ["queue_size: 300", ["key queue_size", "number 300"]],
    ["  - ratio: -0.5", ["key ratio", "number -0.5"]],
    ["create_directory: true", ["key create_directory", "word true"]],
    ["debug: {}", ["key debug", "word {}"]],
    ["  - http://localhost:*", ["text http://localhost:*"]],
    ["authorization: '[REDACTED]'", ["key authorization", "masked '[REDACTED]'"]],
    ["to: http://me:[REDACTED]@host", ["key to", "masked http://me:[REDACTED]@host"]],
    ["'a: b': \"c # d\" # e", ["key 'a: b'", 'text "c # d" ', "comment # e"]],
    ["# all of it", ["comment # all of it"]],
  ])("reads %s", (line, tokens) => {
    expect(told(line)).toEqual(tokens);
  });

  it("takes the lines of a block for text", () => {
    const kinds = tokenizeYaml("a: |\n  b: 1\n\n  c: 2\nd: 3").map((tokens) => tokens[0]?.kind);
    expect(kinds).toEqual(["key", "text", "text", "text", "key"]);
  });
});

describe("partOfConfig", () => {
  it("finds a component in its section alone", () => {
    expect(partOfConfig(CONFIG, "receivers", "otlp")).toBe(
      "otlp:\n  protocols:\n    http:\n      endpoint: localhost:4318",
    );
    expect(partOfConfig(CONFIG, "receivers", "otlp/away")).toBe(
      "otlp/away:\n  protocols:\n    grpc: null",
    );
    expect(partOfConfig(CONFIG, "exporters", "otlp")).toContain("authorization: '[REDACTED]'");
    expect(partOfConfig(CONFIG, "exporters", "debug")).toBe("debug: {}");
  });

  it("is empty where there is none", () => {
    expect(partOfConfig(CONFIG, "receivers", "debug")).toBe("");
    expect(partOfConfig(CONFIG, "processors", "batch")).toBe("");
  });
});
