/** Turns a rejection into the answer a caller reads: the JSON envelope, or RFC 9457 problem details when asked for. */
import type { CallerRequest } from "./request-context.ts";
import type { Rejection } from "./rejection.ts";
import type { GatewayResponse } from "./response.ts";

const PROBLEM_JSON = "application/problem+json";

export function renderRejection(rejection: Rejection, request: CallerRequest): GatewayResponse {
  const wantsProblem = request.headers.get("accept")?.includes(PROBLEM_JSON) ?? false;
  const headers = [
    "content-type",
    wantsProblem ? PROBLEM_JSON : "application/json",
    "cache-control",
    "no-store",
    ...(rejection.headers ?? []),
  ];
  if (rejection.status === 429 || rejection.status === 503) {
    headers.push("retry-after", String(rejection.retryAfterSeconds ?? 1));
  }
  const body = wantsProblem ? toProblem(rejection, request) : toEnvelope(rejection, request);
  return { status: rejection.status, headers, body: Buffer.from(JSON.stringify(body)) };
}

function toEnvelope(rejection: Rejection, request: CallerRequest): object {
  return {
    error: {
      code: rejection.family,
      message: rejection.message,
      details: {
        reason: rejection.reason,
        ...(rejection.violations && { violations: rejection.violations }),
      },
      request_id: request.requestId,
    },
  };
}

/** RFC 9457 section 3: `type` names the family, `title` and `status` restate it, extension members carry the rest. */
function toProblem(rejection: Rejection, request: CallerRequest): object {
  return {
    type: `urn:portcullis:error:${rejection.family.toLowerCase()}`,
    title: rejection.message,
    status: rejection.status,
    code: rejection.family,
    reason: rejection.reason,
    ...(rejection.violations && { violations: rejection.violations }),
    request_id: request.requestId,
  };
}
