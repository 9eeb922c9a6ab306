// Log records as JSON lines; within an activity they carry its trace_id and span_id.

import pino from "pino";

export const log = pino({ name: "temporal-worker-service" });
