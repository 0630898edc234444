/**
 * Judges an upstream's successful answer against the schema of its route. It must never let an answer pass that it could
 * not read, nor tell the caller what was wrong with it: that is between operator and upstream.
 */
import { type Rejection, rejection } from "../../pipeline/rejection.ts";
import { headerValue, type GatewayResponse } from "../../pipeline/response.ts";
import { CONTINUE, type StageHandlers } from "../../pipeline/stage.ts";
import { describeFlaw } from "./json-refusal.ts";
import { isJsonType, parseMediaType } from "./media-types.ts";
import type { CompiledSchema } from "./schema.ts";
import { type JsonLimits, StrictJson } from "./strict-json.ts";

/** Members and elements of an answer: embeddings and batches have many more than any request. */
const DEFAULT_RESPONSE_MEMBERS = 1_000_000;

interface ResponseContract {
  readonly schema: CompiledSchema;
  readonly limitBytes: number;
  /** The route's limits for requests; an answer gets the same depth, and room for the rest within `limitBytes`. */
  readonly json: JsonLimits;
}

/**
 * Only 2xx answers are judged: the schema describes success, and an upstream's error goes on as it came. A 2xx answer
 * without a body breaks the contract, except to HEAD, which has none (RFC 9110 section 9.3.2).
 */
export function judgeResponse(
  contract: ResponseContract,
): NonNullable<StageHandlers["onResponse"]> {
  const { schema, limitBytes, json } = contract;
  const reader = new StrictJson({
    ...json,
    members: Math.max(json.members, DEFAULT_RESPONSE_MEMBERS),
    stringBytes: limitBytes,
    forbiddenKeys: [],
  });
  const refusalOf = (
    response: GatewayResponse & { readonly body: Buffer },
  ): Rejection | undefined => {
    if (response.body.length > limitBytes) {
      return rejection("contract.response_too_large", { cause: `over ${limitBytes} bytes` });
    }
    if (!isReadableJson(response)) return invalid("not JSON by its Content-Type or encoded");
    const read = reader.read(response.body);
    if (read.kind === "flawed") return invalid(describeFlaw(read));
    const violations = schema.check(read.json, read.members);
    if (!violations) return undefined;
    return invalid(violations.map(({ pointer, message }) => `${pointer} ${message}`).join("; "));
  };
  return ({ request }, response) => {
    const isSuccess = response.status >= 200 && response.status <= 299;
    if (!isSuccess || request.method === "HEAD") return CONTINUE;
    const refusal = refusalOf(response);
    return refusal ? { verdict: "reject", rejection: refusal } : CONTINUE;
  };
}

function invalid(cause: string): Rejection {
  return rejection("contract.response_invalid", { cause });
}

function isReadableJson({ headers }: GatewayResponse): boolean {
  const encoding = headerValue(headers, "content-encoding");
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") return false;
  const type = parseMediaType(headerValue(headers, "content-type") ?? "");
  return type !== undefined && isJsonType(type);
}
