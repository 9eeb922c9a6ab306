/** Asks our API; paths, parameters and answers are typed by its OpenAPI description. */

import { useQuery, type UseQueryResult } from "@tanstack/react-query";
import { basePath } from "@/url/location";
import type { components, paths } from "./schema";

export type Answers = components["schemas"];

type Gettable = { [P in keyof paths]: paths[P] extends { get: unknown } ? P : never }[keyof paths];
type Operation<P extends Gettable> = paths[P] extends { get: infer O } ? O : never;
/** What an operation takes; one without parameters takes an empty object. */
type Known<T> = [T] extends [never] ? object : T extends object ? T : object;
type Parameters<P extends Gettable> =
  Operation<P> extends { parameters: { query?: infer Query; path?: infer Path } }
    ? Known<Query> & Known<Path>
    : object;
type Answer<P extends Gettable> =
  Operation<P> extends { responses: { 200: { content: { "application/json": infer T } } } }
    ? T
    : never;

/** The server said no, or could not be reached (status 0); the message is the server's own. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

export const API = `${basePath}/api/ananta/v1`;

type Parameter = string | number | boolean | readonly string[] | null | undefined;

/** The address of a question: parameters of the path are put in, the others behind it; a list repeats one. */
export function apiUrl(path: string, params: object = {}): string {
  const rest = new URLSearchParams();
  let filled = path;
  for (const [name, value] of Object.entries(params) as [string, Parameter][]) {
    if (value === undefined || value === null || value === "") continue;
    if (typeof value === "object") {
      for (const one of value) rest.append(name, one);
    } else if (filled.includes(`{${name}}`)) {
      filled = filled.replace(`{${name}}`, encodeURIComponent(String(value)));
    } else {
      rest.set(name, String(value));
    }
  }
  const query = rest.toString();
  return API + filled + (query ? `?${query}` : "");
}

/** Asks and returns the response; raises `ApiError` unless it is a success. */
export async function fetchOk(url: string, init?: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError("The server does not answer. Is `ananta up` still running?", 0);
  }
  if (!response.ok) throw new ApiError(await messageOf(response), response.status);
  return response;
}

export async function get<P extends Gettable>(
  path: P,
  params: Parameters<P>,
  signal?: AbortSignal,
): Promise<Answer<P>> {
  const response = await fetchOk(apiUrl(path, params), signal ? { signal } : {});
  return (await response.json()) as Answer<P>;
}

interface Options {
  readonly enabled?: boolean;
  /** Milliseconds between questions; never again unless said. */
  readonly every?: number | false;
  /** Shows the last answer to other parameters until the new one has come. */
  readonly keep?: boolean;
}

/** `get` as a hook: cached by path and parameters, cancelled when nobody waits any more. */
export function useApi<P extends Gettable>(
  path: P,
  params: Parameters<P>,
  { enabled = true, every = false, keep = false }: Options = {},
): UseQueryResult<Answer<P>, ApiError> {
  return useQuery<Answer<P>, ApiError>({
    queryKey: [path, params],
    queryFn: ({ signal }) => get(path, params, signal),
    enabled,
    refetchInterval: every,
    ...(keep ? { placeholderData: (last: unknown) => last as never } : {}),
  });
}

async function messageOf(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const body = JSON.parse(text) as { errors?: { msg?: string }[] | null };
    return body.errors?.[0]?.msg ?? text;
  } catch {
    return text || `${response.status} ${response.statusText}`;
  }
}
