// Log records as JSON lines; within a request they carry its trace_id and span_id.

import pino from "pino";

export const log = pino({ name: "orchestrator-service" });
