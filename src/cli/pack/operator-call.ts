/** One call to the operator's listener of the gateway on this machine, for commands that only pass it on. */

/** What the listener said; its own words are for the operator. */
export interface OperatorReply {
  readonly status: number;
  readonly members: Readonly<Record<string, unknown>>;
}

/** Where `operator.bind` is by default. */
export const DEFAULT_OPERATOR = "http://127.0.0.1:9457";

/** A large pack is proven in a second or two; a gateway that needs longer has other troubles. */
const CALL_LIMIT_MS = 30_000;

/** Throws a sentence when there is no answer, or one that is not the gateway's. */
export async function callOperator(
  operator: string,
  method: "GET" | "POST",
  path: string,
  body?: object,
): Promise<OperatorReply> {
  const url = new URL(path, operatorUrl(operator));
  let answer: Response;
  try {
    answer = await fetch(url, {
      method,
      ...(body && { body: JSON.stringify(body) }),
      redirect: "error",
      signal: AbortSignal.timeout(CALL_LIMIT_MS),
    });
  } catch (error) {
    const { cause = error } = error as Error;
    throw new Error(
      `${url.origin} does not answer: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause: error },
    );
  }
  const members = asMembers(await answer.text());
  if (members) return { status: answer.status, members };
  throw new Error(`${url.href} answers ${answer.status}, and not as a gateway does`);
}

/** A text or a number of the answer, for a terminal: controls would move the operator's cursor. */
export function plain(value: unknown): string {
  if (typeof value !== "string" && typeof value !== "number") return "-";
  // oxlint-disable-next-line no-control-regex -- controls are what it takes out
  return String(value).replace(/[\u0000-\u0009\u000B-\u001F\u007F-\u009F]/g, "?");
}

function operatorUrl(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw new Error(`--operator: ${text} is no address such as ${DEFAULT_OPERATOR}`);
}

function asMembers(text: string): OperatorReply["members"] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null
      ? (value as OperatorReply["members"])
      : undefined;
  } catch {
    return undefined;
  }
}
