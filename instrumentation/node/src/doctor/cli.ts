#!/usr/bin/env node
/** `npx @ananta/tracing doctor`: why no spans arrive, or what is set where. */
import { parseArgs } from "node:util";

import type { TracingOptions } from "../options.js";
import { packageVersion } from "../resource.js";
import { examine, type Finding } from "./examination.js";

const HELP = `ananta-tracing ${packageVersion()}

Usage: npx @ananta/tracing doctor [--endpoint URL] [--protocol grpc|http/protobuf] [--json]

Run it where the service runs, with the service's environment variables. It shows each setting
with its origin, tests the way to the collector with a real span, and says what to change.
The exit status is 1 where something fails.
`;
const MARKS: Readonly<Record<Finding["state"], string>> = {
  ok: "ok  ",
  note: "    ",
  warning: "warn",
  failure: "FAIL",
};

async function main(): Promise<number> {
  let parsed;
  try {
    parsed = parseArgs({
      allowPositionals: true,
      options: {
        endpoint: { type: "string" },
        protocol: { type: "string" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${HELP}`);
    return 2;
  }
  const { values, positionals } = parsed;
  if (values.help || positionals[0] !== "doctor") {
    process.stdout.write(HELP);
    return values.help ? 0 : 2;
  }
  const options = { endpoint: values.endpoint, protocol: values.protocol } as TracingOptions;
  const findings: Finding[] = [];
  for await (const finding of examine(options)) {
    findings.push(finding);
    if (!values.json) process.stdout.write(show(finding));
  }
  const failures = findings.filter(({ state }) => state === "failure").length;
  const warnings = findings.filter(({ state }) => state === "warning").length;
  if (values.json) process.stdout.write(`${JSON.stringify(findings, undefined, 2)}\n`);
  else
    process.stdout.write(
      failures + warnings === 0
        ? "\nNothing to change.\n"
        : `\n${failures} to mend, ${warnings} to look at.\n`,
    );
  return failures > 0 ? 1 : 0;
}

function show({ state, subject, detail, advice }: Finding): string {
  const line = `${MARKS[state]}  ${subject}: ${detail}\n`;
  return advice === undefined ? line : `${line}      -> ${advice}\n`;
}

void main().then((status) => process.exit(status));
