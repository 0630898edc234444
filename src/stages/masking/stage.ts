/**
 * The masking stage: takes out of an answer what callers of the route may not see. It must never let an answer pass that
 * it could not read to the end.
 */
import { isUtf8 } from "node:buffer";
import { rejection } from "../../pipeline/rejection.ts";
import {
  type Edit,
  type GatewayResponse,
  headerValue,
  removeHeader,
} from "../../pipeline/response.ts";
import {
  CONTINUE,
  type PreparedStage,
  type ResponseDecision,
  type StageHandlers,
} from "../../pipeline/stage.ts";
import type { MaskingConfig } from "./config.ts";
import { compileMasker, type Masker } from "./mask-json.ts";

/**
 * Fields that speak of the bytes the upstream sent: digests (RFC 9530, RFC 1864) would let a caller test guesses of what
 * was masked, and a validator or a range (RFC 9110 sections 8.8.3 and 14.3) belongs to another representation.
 */
const STALE_FIELDS = [
  "etag",
  "content-digest",
  "repr-digest",
  "digest",
  "content-md5",
  "accept-ranges",
  "trailer",
];
const STALE: readonly Edit[] = STALE_FIELDS.map(removeHeader);

/** Masks every answer of its routes, errors of the upstream included; one that is not JSON is 502. */
export function masking(config: MaskingConfig): PreparedStage<"masking"> {
  return {
    name: "masking",
    bind(route) {
      const rules = config.routes.get(route.id);
      return rules ? bindRoute(compileMasker(rules)) : null;
    },
  };
}

function bindRoute(mask: Masker): StageHandlers<"masking"> {
  return {
    onResponse: (_, response) => judge(response, mask),
    decorate: () => STALE,
  };
}

function judge(
  response: GatewayResponse & { readonly body: Buffer },
  mask: Masker,
): ResponseDecision {
  const { body } = response;
  // Nothing to see: an answer to HEAD, 204, 304, or an empty one.
  if (body.length === 0) return CONTINUE;
  if (!isPlainJson(response)) return unreadable("not JSON by its Content-Type, or encoded");
  if (!isUtf8(body)) return unreadable("not UTF-8");
  const text = body.toString("utf8");
  const masked = mask(text);
  if (masked === undefined) return unreadable("not JSON");
  return masked === text ? CONTINUE : { verdict: "replace", body: Buffer.from(masked) };
}

function unreadable(cause: string): ResponseDecision {
  return { verdict: "reject", rejection: rejection("masking.response_unreadable", { cause }) };
}

const CHARSET = /;[ \t]*charset=/i;
const UTF8 = /;[ \t]*charset="?utf-8"?[ \t]*(?:;|$)/i;

function isPlainJson({ headers }: GatewayResponse): boolean {
  const encoding = headerValue(headers, "content-encoding");
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") return false;
  const value = headerValue(headers, "content-type") ?? "";
  const essence = (value.split(";", 1)[0] ?? "").trim().toLowerCase();
  const isJson =
    essence === "application/json" || essence === "text/json" || essence.endsWith("+json");
  return isJson && (!CHARSET.test(value) || UTF8.test(value));
}
