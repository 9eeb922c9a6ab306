/**
 * A Node process that is measured from inside; prints one JSON object.
 *
 * `node probe.cjs start`: milliseconds to load and set up tracing.
 * `node probe.cjs exit N`, `… sigterm N`: makes N spans, says so, and ends or waits to be ended.
 */
"use strict";

const SETUPS = { stock: "./stock.cjs", ananta: "@ananta/tracing/register" };
const WAIT_MILLIS = 60_000;

const [mode, spans] = process.argv.slice(2);
const setup = SETUPS[process.env.BENCH_SIDE];
const begun = performance.now();
if (setup !== undefined) require(setup);
const milliseconds = performance.now() - begun;

if (mode === "start") {
  console.log(JSON.stringify({ milliseconds }));
} else {
  const { trace } = require("@opentelemetry/api");
  const tracer = trace.getTracer("bench");
  for (let made = 0; made < Number(spans); made++) tracer.startSpan("op").end();
  console.log(JSON.stringify({ spans: Number(spans) }));
  if (mode === "sigterm") setTimeout(() => {}, WAIT_MILLIS);
}
