/** Servers and clients: real frameworks in a process of their own, spans at a decoding collector. */
import { cpSync } from "node:fs";
import { connect } from "node:net";

import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { PACKAGE, start, type Program, type StartOptions } from "./support/program.js";
import { startHttpSink, type Sink } from "./support/sink.js";

let sink: Sink;
let program: Program | undefined;
let url = "";

beforeEach(async () => {
  sink = await startHttpSink();
});
afterEach(async () => {
  await program?.stop();
  await sink.close();
});

async function serve(fixture: string, options: StartOptions = {}): Promise<void> {
  program = start(fixture, sink.endpoint, options);
  url = `http://127.0.0.1:${await program.said("port")}`;
}

const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
const TRACEPARENT = `00-${TRACE_ID}-b7ad6b7169203331-01`;

// Version 4 is installed under another name, and libraries are known by the name of their folder.
const EXPRESS_4 = `${PACKAGE}node_modules/.lanes/express4/node_modules/express`;
beforeAll(() => cpSync(`${PACKAGE}node_modules/express4`, EXPRESS_4, { recursive: true }));

describe.each([
  ["Express 5", "express"],
  ["Express 4", EXPRESS_4],
])("%s", (_version, path) => {
  const env = { EXPRESS: path };

  test("names a request by its route, and continues the caller's trace", async () => {
    await serve("express.cjs", { env });
    const answer = await fetch(`${url}/hello/bob?page=2&token=abc123`, {
      headers: { traceparent: TRACEPARENT },
    });
    expect(await answer.text()).toBe(TRACE_ID);
    const [span] = await sink.waitFor(1);
    expect(span).toMatchObject({
      name: "GET /hello/:name",
      kind: "server",
      traceId: TRACE_ID,
      parentId: "b7ad6b7169203331",
      status: { code: 0 },
    });
    expect(span!.attributes).toMatchObject({
      "http.request.method": "GET",
      "http.response.status_code": 200,
      "http.route": "/hello/:name",
      "url.path": "/hello/bob",
      "url.scheme": "http",
      "url.query": "page=2&token=[REDACTED]",
      "server.address": "127.0.0.1",
      "server.port": Number(new URL(url).port),
      "network.peer.address": "127.0.0.1",
    });
    expect(span!.resource).toMatchObject({
      "service.name": "fixture",
      "deployment.environment.name": "development",
    });
    expect(await program!.said("finish")).toBe(TRACE_ID);
  });

  test("keeps the trace while a body is parsed", async () => {
    await serve("express.cjs", { env });
    const answer = await fetch(`${url}/items`, {
      method: "POST",
      headers: { traceparent: TRACEPARENT, "content-type": "application/json" },
      body: JSON.stringify({ name: "bolt" }),
    });
    expect(await answer.text()).toBe(`${TRACE_ID} bolt`);
    expect((await sink.waitFor(1))[0]!.name).toBe("POST /items");
  });

  test("marks errors and records the exception, without its secrets", async () => {
    await serve("express.cjs", { env });
    await fetch(`${url}/boom`);
    const [span] = await sink.waitFor(1);
    expect(span).toMatchObject({ name: "GET /boom", status: { code: 2 } });
    expect(span!.attributes["error.type"]).toBe("500");
    expect(span!.events[0]).toMatchObject({
      name: "exception",
      attributes: { "exception.message": "boom, password=[REDACTED]" },
    });
    expect(Buffer.concat(sink.bodies).includes("hunter2")).toBe(false);
  });

  test("knows the route of a mounted router, also where it fails", async () => {
    await serve("express.cjs", { env });
    await fetch(`${url}/api/users/7`);
    await fetch(`${url}/api/broken`);
    await sink.waitFor(2);
    expect(sink.spans.map(({ name }) => name)).toEqual(["GET /api/users/:id", "GET /api/broken"]);
    expect(sink.spans[1]!.status).toEqual({ code: 2, message: "broken" });
  });

  test("leaves out health checks with everything they cause", async () => {
    await serve("express.cjs", { env });
    await fetch(`${url}/health`);
    await fetch(`${url}/hello/last`);
    await sink.waitFor(2);
    // The call that the health check made arrives without a parent, and its client left no span.
    expect(sink.spans.map(({ name, kind }) => `${kind} ${name}`)).toEqual([
      "server GET /hello/:name",
      "server GET /hello/:name",
    ]);
    expect(sink.spans.every(({ parentId }) => parentId === "")).toBe(true);
  });

  test.each([
    ["/call", "GET"],
    ["/fetch", "GET"],
  ])("follows an outgoing call: %s", async (path, name) => {
    await serve("express.cjs", { env });
    await fetch(url + path);
    await sink.waitFor(3);
    const outer = sink.named(`GET ${path}`)[0]!;
    const client = sink.spans.find(({ kind }) => kind === "client")!;
    const inner = sink.named("GET /hello/:name")[0]!;
    expect(client.name).toBe(name);
    expect([client.parentId, inner.parentId]).toEqual([outer.spanId, client.spanId]);
    expect(new Set(sink.spans.map(({ traceId }) => traceId)).size).toBe(1);
  });
});

test.each([
  ["/null", "null"],
  ["/undefined", "undefined"],
  ["/text", "no stock"],
  ["/hostile", "an error that cannot be shown"],
])("whatever a server throws reaches the application as it was: %s", async (path, message) => {
  await serve("thrower.cjs");
  const answer = await fetch(url + path);
  expect(await answer.text()).toBe(path);
  const [span] = await sink.waitFor(1);
  expect(span).toMatchObject({
    status: { code: 2, message },
    events: [{ name: "exception", attributes: { "exception.message": message } }],
  });
});

test("an error of an async handler of Express 5 is recorded", async () => {
  await serve("express.cjs");
  await fetch(`${url}/fail/later`);
  const [span] = await sink.waitFor(1);
  expect(span!.status).toEqual({ code: 2, message: "later" });
});

test("no header is kept unless asked for", async () => {
  await serve("express.cjs", {
    env: { OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST: "X-Tenant,Authorization" },
  });
  await fetch(`${url}/hello/a`, {
    headers: { "x-tenant": "t1", "x-other": "o", authorization: "Bearer abcdefghijk" },
  });
  const [span] = await sink.waitFor(1);
  const kept = Object.entries(span!.attributes).filter(([key]) => key.includes(".header."));
  expect(Object.fromEntries(kept)).toEqual({
    "http.request.header.x-tenant": ["t1"],
    "http.request.header.authorization": ["[REDACTED]"],
  });
});

test("no secret of a request is among the bytes that are sent", async () => {
  const asked = "authorization,cookie,x-api-key,x-tenant";
  const env = Object.fromEntries(
    ["SERVER_REQUEST", "SERVER_RESPONSE", "CLIENT_REQUEST", "CLIENT_RESPONSE"].map((side) => [
      `OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_${side}`,
      asked,
    ]),
  );
  await serve("express.cjs", { env });
  const headers = {
    authorization: "Basic hunter2hunter2",
    cookie: "session=hunter2",
    "x-api-key": "hunter2",
    "x-tenant": "acme",
  };
  await fetch(`${url}/boom?page=2&api_key=hunter2&AWSAccessKeyId=hunter2`, { headers });
  await fetch(`${url}/call?token=hunter2`, { headers });
  await sink.waitFor(4);
  // What is asked for is there: a test of nothing would pass as well.
  expect(sink.named("GET /boom")[0]).toMatchObject({
    attributes: {
      "url.query": "page=2&api_key=[REDACTED]&AWSAccessKeyId=[REDACTED]",
      "http.request.header.authorization": ["[REDACTED]"],
      "http.request.header.x-tenant": ["acme"],
    },
    events: [{ attributes: { "exception.message": "boom, password=[REDACTED]" } }],
  });
  expect(Buffer.concat(sink.bodies).includes("hunter2")).toBe(false);
});

test("a trace the caller did not sample leaves no span", async () => {
  await serve("express.cjs");
  await fetch(`${url}/hello/a`, { headers: { traceparent: TRACEPARENT.replace(/01$/, "00") } });
  await fetch(`${url}/hello/b`);
  await sink.waitFor(1);
  expect(sink.spans.map(({ attributes }) => attributes["url.path"])).toEqual(["/hello/b"]);
});

test.each([
  ["b3", { b3: `${TRACE_ID}-b7ad6b7169203331-1` }],
  ["b3multi", { "x-b3-traceid": TRACE_ID, "x-b3-spanid": "b7ad6b7169203331", "x-b3-sampled": "1" }],
  [
    "xray",
    {
      "x-amzn-trace-id":
        "Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=b7ad6b7169203331;Sampled=1",
    },
  ],
  ["jaeger", { "uber-trace-id": `${TRACE_ID}:b7ad6b7169203331:0:1` }],
])("the header of %s is read and written", async (propagator, headers) => {
  await serve("express.cjs", { env: { OTEL_PROPAGATORS: propagator } });
  await fetch(`${url}/call`, { headers: headers as Record<string, string> });
  await sink.waitFor(3);
  expect(sink.spans.map(({ traceId }) => traceId)).toEqual([TRACE_ID, TRACE_ID, TRACE_ID]);
});

test.each([
  ["Fastify 5", "fastify"],
  ["Fastify 4", "fastify4"],
])("requests of %s carry route and exception", async (_version, name) => {
  await serve("fastify.cjs", { env: { FASTIFY: name } });
  await fetch(`${url}/hello/bob`);
  await fetch(`${url}/boom`);
  await fetch(`${url}/items`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
  });
  await sink.waitFor(3);
  expect(sink.spans.map(({ name }) => name)).toEqual([
    "GET /hello/:name",
    "GET /boom",
    "POST /items",
  ]);
  expect(sink.spans[1]).toMatchObject({
    status: { code: 2, message: "boom" },
    events: [{ name: "exception" }],
  });
});

test.each(["fastify", "fastify4"])("a route of %s may throw nothing", async (name) => {
  await serve("fastify.cjs", { env: { FASTIFY: name } });
  await fetch(`${url}/nothing`);
  const [span] = await sink.waitFor(1);
  expect(span).toMatchObject({
    name: "GET /nothing",
    status: { code: 2, message: "null" },
    events: [{ name: "exception" }],
  });
});

test("instrumentApp names routes where Express was loaded before tracing", async () => {
  const env = { OTEL_NODE_DISABLED_INSTRUMENTATIONS: "express", INSTRUMENT_APP: "1" };
  await serve("express.cjs", { env });
  await fetch(`${url}/api/users/7`);
  await fetch(`${url}/quiet`);
  await sink.waitFor(2);
  expect(sink.spans.map(({ name }) => name).sort()).toEqual([
    "GET /api/users/:id",
    "GET /hello/:name",
  ]);
});

/** Sends requests over one connection, and waits for the answer to each. */
async function onOneConnection(requests: readonly Buffer[], atOnce: boolean): Promise<void> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  let answers = 0;
  let told: (() => void) | undefined;
  socket.setEncoding("latin1").on("data", (text) => {
    answers += String(text).split("HTTP/1.1 200").length - 1;
    told?.();
  });
  const answered = async (count: number): Promise<void> => {
    while (answers < count) await new Promise<void>((resolve) => (told = resolve));
  };
  for (const [index, request] of requests.entries()) {
    socket.write(request);
    if (!atOnce) await answered(index + 1);
  }
  await answered(requests.length);
  socket.destroy();
}

function raw(method: string, path: string, body = Buffer.alloc(0), headers = ""): Buffer {
  const head = `${method} ${path} HTTP/1.1\r\nHost: x\r\n${headers}Content-Length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

describe("a request has nothing of the one before on its connection", () => {
  test.each([
    ["small", "sampled", "at once"],
    ["small", "not sampled", "at once"],
    ["large", "sampled", "one by one"],
    ["large", "sampled", "at once"],
    ["large", "not sampled", "at once"],
  ])("%s and %s, %s", async (size, sampling, order) => {
    await serve("upload.cjs");
    const body = Buffer.alloc(size === "large" ? 5_000_000 : 1);
    const trace = sampling === "sampled" ? TRACEPARENT : TRACEPARENT.replace(/1$/, "0");
    await onOneConnection(
      [
        raw("POST", "/slow", body, `traceparent: ${trace}\r\n`),
        raw("GET", "/next"),
        raw("GET", "/next"),
      ],
      order === "at once",
    );
    const spans = (await sink.waitFor(sampling === "sampled" ? 3 : 2)).filter(
      ({ attributes }) => attributes["url.path"] === "/next",
    );
    expect(spans).toHaveLength(2);
    for (const span of spans) expect(span).toMatchObject({ kind: "server", parentId: "" });
  });
});
