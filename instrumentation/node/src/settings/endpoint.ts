/**
 * Where spans go: one URL and one protocol out of everything people write for them.
 *
 * The specification has traps here: a general endpoint gets `/v1/traces` appended and a signal
 * endpoint does not, a missing scheme means TLS over gRPC. Each known one is recognised, mended
 * where only one meaning is left, and told as a problem.
 */
import { isIP } from "node:net";

import { UnusableValue, type Reader } from "./reader.js";

export type Protocol = "grpc" | "http/protobuf";

const TRACES_PATH = "/v1/traces";
const GRPC_PORT = "4317";
const HTTP_PORT = "4318";
const SIGNAL_VARIABLE = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const GENERAL_VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT";
const JAEGER_VARIABLES = ["JAEGER_ENDPOINT", "OTEL_EXPORTER_JAEGER_ENDPOINT"];
const PROTOCOLS: Readonly<Record<string, Protocol>> = {
  grpc: "grpc",
  "http/protobuf": "http/protobuf",
  http: "http/protobuf",
  httpprotobuf: "http/protobuf",
  "http/json": "http/protobuf",
};
const DEFAULT_ENDPOINT: Readonly<Record<Protocol, string>> = {
  grpc: `http://localhost:${GRPC_PORT}`,
  "http/protobuf": `http://localhost:${HTTP_PORT}${TRACES_PATH}`,
};

/** Where to send, and how. */
export interface Destination {
  /** The whole URL for HTTP; scheme, host and port for gRPC. Empty: it could not be read. */
  readonly endpoint: string;
  readonly protocol: Protocol;
  /** No TLS. `https` always means TLS. */
  readonly insecure: boolean;
  /** User name and password that stood in the URL, as a header. */
  readonly authorization?: string;
}

/** Finds endpoint and protocol in the options and variables of the reader. */
export function readDestination(reader: Reader): Destination {
  const insecure = reader.read<boolean | undefined>(
    "insecure",
    ["OTEL_EXPORTER_OTLP_TRACES_INSECURE", "OTEL_EXPORTER_OTLP_INSECURE"],
    reader.flag,
    undefined,
    "insecure",
  );
  const asked = readProtocol(reader);
  const found = findEndpoint(reader);
  const usual = asked ?? "http/protobuf";
  if (found.text === "") {
    noteInferred(reader, usual);
    return { endpoint: DEFAULT_ENDPOINT[usual], protocol: usual, insecure: true };
  }
  const split = splitEndpoint(reader, found.origin, found.text, insecure);
  if (split === undefined) return { endpoint: "", protocol: usual, insecure: true };
  const { url, hinted } = split;
  const protocol = asked ?? hinted ?? (url.port === GRPC_PORT ? "grpc" : "http/protobuf");
  noteInferred(reader, protocol);
  warnOfPort(reader, found.origin, url, protocol);
  if (insecure === true && url.protocol === "https:") {
    reader.problem(
      reader.origins["insecure"] ?? "insecure",
      `${found.origin} begins with https, so TLS is used; write http`,
    );
  }
  return {
    endpoint:
      protocol === "grpc"
        ? grpcEndpoint(reader, found.origin, url)
        : httpEndpoint(reader, found.origin, url, found.isGeneral),
    protocol,
    insecure: url.protocol === "http:",
    ...authorization(url),
  };
}

/** Where nobody named the protocol. */
function noteInferred(reader: Reader, protocol: Protocol): void {
  if (reader.origins["protocol"] === "default") {
    reader.origins["protocol"] = `inferred from endpoint (${protocol})`;
  }
}

function readProtocol(reader: Reader): Protocol | undefined {
  return reader.read<Protocol | undefined>(
    "protocol",
    ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"],
    (origin, text) => {
      const folded = text.toLowerCase();
      const protocol = PROTOCOLS[folded];
      if (protocol === undefined) {
        throw new UnusableValue(`unknown protocol '${text}'; write grpc or http/protobuf`);
      }
      if (folded !== protocol) {
        reader.problem(origin, `'${text}' is read as ${protocol}; write ${protocol}`);
      }
      return protocol;
    },
    undefined,
    "protocol",
  );
}

/** The text of the endpoint, and whether the traces path is still to be appended to it. */
function findEndpoint(reader: Reader): { origin: string; text: string; isGeneral: boolean } {
  const text = reader.read(
    "endpoint",
    [SIGNAL_VARIABLE, GENERAL_VARIABLE],
    reader.text,
    "",
    "endpoint",
  );
  const origin = reader.origins["endpoint"]?.split(" (")[0] ?? "";
  if (text !== "") return { origin, text, isGeneral: origin !== SIGNAL_VARIABLE };
  const [name, jaeger] = reader.variable(...JAEGER_VARIABLES);
  if (name === "") return { origin, text: "", isGeneral: true };
  const given = jaeger.includes("://") ? jaeger : `http://${jaeger}`;
  const host = URL.canParse(given) ? new URL(given).hostname : "localhost";
  const endpoint = `http://${host || "localhost"}:${HTTP_PORT}`;
  reader.origins["endpoint"] = name;
  reader.problem(
    name,
    `Jaeger takes OTLP now, so spans go to ${endpoint}${TRACES_PATH}; ` +
      `write ${GENERAL_VARIABLE}=${endpoint}`,
  );
  return { origin: name, text: endpoint, isGeneral: true };
}

/** The parts of the URL, and the protocol its scheme hints at. */
function splitEndpoint(
  reader: Reader,
  origin: string,
  text: string,
  insecure: boolean | undefined,
): { url: URL; hinted?: Protocol } | undefined {
  const shown = maskCredentials(text);
  const at = text.indexOf("://");
  const rest = at < 0 ? text.replace(/^\/+/, "") : text.slice(at + 3);
  let scheme = at < 0 ? "" : text.slice(0, at).toLowerCase();
  let hinted: Protocol | undefined;
  if (at < 0) {
    const host = URL.canParse(`http://${rest}`) ? new URL(`http://${rest}`).hostname : "";
    scheme = (insecure ?? isNearby(host)) ? "http" : "https";
    reader.problem(
      origin,
      `'${shown}' has no scheme and is read as ${scheme}://${maskCredentials(rest)}; ` +
        "write http:// or https://",
    );
  } else if (scheme === "grpc" || scheme === "grpcs") {
    hinted = "grpc";
    scheme = scheme === "grpcs" ? "https" : "http";
    reader.problem(
      origin,
      `'${shown}' is read as ${scheme}://${maskCredentials(rest)} over gRPC; write that, and ` +
        "OTEL_EXPORTER_OTLP_PROTOCOL=grpc",
    );
  }
  const whole = `${scheme}://${rest}`;
  const isUsable =
    (scheme === "http" || scheme === "https") && !/\s/.test(rest) && URL.canParse(whole);
  if (!isUsable || new URL(whole).port === "0") {
    reader.problem(
      origin,
      `'${shown}' is not a URL, so no span is sent; write for example http://localhost:${GRPC_PORT}`,
    );
    return undefined;
  }
  return { url: new URL(whole), ...(hinted && { hinted }) };
}

/** The text without the user name and password a URL may hold. */
function maskCredentials(text: string): string {
  return text.replace(/^([a-z]*:?\/*)[^/@\s]*@/i, "$1***@");
}

/** Whether a host without a scheme is one of this machine or network, where TLS is rare. */
function isNearby(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, "").toLowerCase();
  if (isIP(bare) === 0) return !bare.includes(".") || /\.(local|internal|localhost)$/.test(bare);
  return /^(127\.|10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|::1$|f[cd]|fe80:)/.test(
    bare,
  );
}

function warnOfPort(reader: Reader, origin: string, url: URL, protocol: Protocol): void {
  const isMismatch =
    (protocol === "grpc" && url.port === HTTP_PORT) ||
    (protocol === "http/protobuf" && url.port === GRPC_PORT);
  if (!isMismatch) return;
  reader.problem(
    origin,
    `port ${url.port} usually speaks ${protocol === "grpc" ? "http/protobuf" : "grpc"}, and the ` +
      `protocol is ${protocol}; write port ${protocol === "grpc" ? GRPC_PORT : HTTP_PORT} or ` +
      "change OTEL_EXPORTER_OTLP_PROTOCOL",
  );
}

function grpcEndpoint(reader: Reader, origin: string, url: URL): string {
  if (url.pathname.replaceAll("/", "") !== "") {
    reader.problem(
      origin,
      `gRPC has no path, so '${url.pathname}' is left out; for OTLP over HTTP use port ${HTTP_PORT}`,
    );
  }
  const port = url.port || (url.protocol === "https:" ? "443" : GRPC_PORT);
  return `${url.protocol}//${url.hostname}:${port}`;
}

function httpEndpoint(reader: Reader, origin: string, url: URL, isGeneral: boolean): string {
  const whole = new URL(url);
  whole.hash = whole.username = whole.password = "";
  if (isGeneral) {
    const trimmed = url.pathname.replace(/\/+$/, "");
    whole.pathname = trimmed.endsWith(TRACES_PATH) ? trimmed : trimmed + TRACES_PATH;
  } else if (url.pathname === "/") {
    whole.pathname = TRACES_PATH;
    reader.problem(
      origin,
      `'${url.origin}' has no path and this variable is used as it is; spans go to ` +
        `${TRACES_PATH}; write ${url.origin}${TRACES_PATH}`,
    );
  }
  return whole.href;
}

function authorization(url: URL): { authorization?: string } {
  if (url.username === "" && url.password === "") return {};
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
}
