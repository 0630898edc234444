/**
 * One bounded question to a keeper of secrets: a time limit for everything, a cap on the answer, no redirects. It never
 * puts a header, an address with credentials or a body into an error.
 */
import { SecretError } from "./secret-error.ts";

/** Whole exchange. A keeper that answers later than this would hold up every start and reload. */
export const DEFAULT_KEEPER_TIMEOUT_MS = 5_000;
/** A secret of Secrets Manager has 64 KiB at most, one of Vault 1 MiB by its default; larger answers are no secrets. */
const DEFAULT_ANSWER_LIMIT_BYTES = 1_572_864;

export interface JsonQuestion {
  /** For messages: "Vault". */
  readonly keeper: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

export interface JsonAnswer {
  readonly status: number;
  /** Parsed when the answer is JSON; undefined otherwise. */
  readonly body: unknown;
}

/** Asks and reads the whole answer. Throws `SecretError` when there is none. */
export async function fetchJson({
  keeper,
  url,
  headers,
  timeoutMs,
}: JsonQuestion): Promise<JsonAnswer> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    // A redirect would carry the token to wherever the answer says.
    const response = await fetch(url, { headers, redirect: "manual", signal });
    if (response.status >= 300 && response.status < 400) {
      await response.body?.cancel();
      throw new SecretError(
        `${keeper} answers with a redirect`,
        "redirects are not followed: name the server itself",
      );
    }
    return { status: response.status, body: parseJson(await readAll(response, keeper)) };
  } catch (error) {
    if (error instanceof SecretError) throw error;
    if (signal.aborted)
      throw new SecretError(`${keeper} does not answer within ${timeoutMs} ms`, undefined, {
        cause: error,
      });
    throw new SecretError(
      `${keeper} cannot be reached at ${url.origin}: ${reasonOf(error)}`,
      undefined,
      { cause: error },
    );
  }
}

async function readAll(response: Response, keeper: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > DEFAULT_ANSWER_LIMIT_BYTES)
      throw new SecretError(`${keeper} answers with more than ${DEFAULT_ANSWER_LIMIT_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The system's code where there is one: messages of network errors may hold more than should be shown. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  return code ?? (error instanceof Error ? error.name : "unknown");
}

/** The text under `key` of an object, own keys only. */
export function textAt(value: unknown, key: string): string | undefined {
  const found = valueAt(value, key);
  return typeof found === "string" ? found : undefined;
}

/** What stands under `key` of an object, own keys only; undefined for everything else. */
export function valueAt(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string, unknown>)[key];
}
