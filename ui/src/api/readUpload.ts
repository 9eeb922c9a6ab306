/** Reads files of traces; OTLP is turned into Jaeger's JSON by the server. */

import { FileError, readJaegerTraces, readTraceFile, type JaegerTrace } from "@/model/jaegerFile";
import { traceOfJaeger } from "@/model/jaegerTrace";
import { ERROR } from "@/model/trace";
import { microsOf, nameOf, rootRow, serviceOf } from "@/model/traceData";
import { basePath } from "@/url/location";
import { ApiError, fetchOk } from "./client";
import { keepUploads, type Upload } from "./uploads";

/**
 * The traces of a file, kept as uploads. Raises `FileError` for a file that can't be read, and
 * `ApiError` where the server is needed and does not answer.
 */
export async function readUpload(file: File): Promise<readonly Upload[]> {
  const content = readTraceFile(await file.text());
  const traces =
    content.format === "jaeger" ? content.traces : await transform(content.body, file.size);
  const described = traces.map((trace) => [describe(trace, file.name), trace] as const);
  await keepUploads(described);
  return described.map(([upload]) => upload);
}

async function transform(body: string, bytes: number): Promise<readonly JaegerTrace[]> {
  try {
    const response = await fetchOk(`${basePath}/api/transform`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body,
    });
    return readJaegerTraces(await response.json());
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 400) throw new FileError(`The OTLP is not right: ${error.message}`);
    if (error.status === 413) {
      throw new FileError(
        `The file is too large for the server, ${bytes.toLocaleString("en-US")} bytes: ${error.message}. Split it, or raise max_request_body_size of the query extension.`,
      );
    }
    throw error;
  }
}

function describe(jaeger: JaegerTrace, fileName: string): Upload {
  const trace = traceOfJaeger(jaeger);
  const root = rootRow(trace);
  return {
    traceId: trace.traceId,
    fileName,
    service: serviceOf(trace, root),
    operation: nameOf(trace, root),
    startMicros: microsOf(trace, trace.begin),
    durationNanos: trace.end - trace.begin,
    spans: trace.count,
    errors: trace.flags.reduce((sum, flag) => sum + (flag & ERROR), 0),
  };
}
