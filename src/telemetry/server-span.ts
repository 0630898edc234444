/**
 * An outcome as a server span, named by the semantic conventions for HTTP (OpenTelemetry, "Semantic conventions for
 * HTTP spans", HTTP server span). The ids are the request's own: the upstream was told them already.
 */
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import type { Outcome } from "../pipeline/outcome.ts";
import type { CallerRequest, TraceContext } from "../pipeline/request-context.ts";
import { DEFAULT_FIELD_LIMIT_CHARS } from "./json-text.ts";
import { redact } from "./redaction.ts";

/** What all spans of the process share. */
export type SpanOrigin = Pick<ReadableSpan, "resource" | "instrumentationScope">;

type HrTime = ReadableSpan["startTime"];
type StatusCode = ReadableSpan["status"]["code"];

// Numbers of @opentelemetry/api, which is loaded only where traces are on.
const KIND_SERVER = 1 as unknown as ReadableSpan["kind"];
const STATUS_UNSET = 0 as unknown as StatusCode;
const STATUS_ERROR = 2 as unknown as StatusCode;
const FLAG_SAMPLED = 1;

/** Methods a span may name; the conventions call every other one `_OTHER`, or a caller could make span names. */
const KNOWN_METHODS = new Set([
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "CONNECT",
  "OPTIONS",
  "TRACE",
  "PATCH",
  "QUERY",
]);

const NOTHING: never[] = [];

/** The finished span of an outcome. */
export function spanOf(outcome: Outcome, origin: SpanOrigin): ReadableSpan {
  const { request, route } = outcome.context;
  const { trace } = request;
  const method = KNOWN_METHODS.has(request.method) ? request.method : "_OTHER";
  const context = { traceId: trace.traceId, spanId: trace.spanId, traceFlags: FLAG_SAMPLED };
  const target = method === "_OTHER" ? "HTTP" : method;
  return {
    // The template, never the path: names must be few.
    name: route.template === "" ? target : `${target} ${route.template}`,
    kind: KIND_SERVER,
    spanContext: () => context,
    ...parentOf(trace),
    startTime: toHrTime(request.receivedAtMs),
    endTime: toHrTime(request.receivedAtMs + outcome.latencyMs),
    duration: toHrTime(outcome.latencyMs),
    // For server spans the conventions leave the status unset below 500: a refusal is no error of the server.
    status: { code: outcome.status >= 500 ? STATUS_ERROR : STATUS_UNSET },
    attributes: attributesOf(outcome, method),
    links: NOTHING,
    events: NOTHING,
    ended: true,
    resource: origin.resource,
    instrumentationScope: origin.instrumentationScope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

function parentOf(trace: TraceContext): Pick<ReadableSpan, "parentSpanContext"> {
  if (trace.parentSpanId === undefined) return {};
  return {
    parentSpanContext: {
      traceId: trace.traceId,
      spanId: trace.parentSpanId,
      traceFlags: trace.isSampled ? FLAG_SAMPLED : 0,
      isRemote: true,
    },
  };
}

function attributesOf(outcome: Outcome, method: string): ReadableSpan["attributes"] {
  const { request, route } = outcome.context;
  const isFailure = outcome.decision === "error" || outcome.status >= 500;
  return {
    "http.request.method": method,
    ...(route.template !== "" && { "http.route": route.template }),
    "http.response.status_code": outcome.status,
    "url.scheme": request.isSecure ? "https" : "http",
    ...serverOf(request),
    "network.protocol.name": "http",
    "network.protocol.version": request.httpVersion,
    ...(isFailure && { "error.type": errorTypeOf(outcome) }),
    "portcullis.decision": outcome.decision,
    "portcullis.stage": outcome.stage,
    "portcullis.code": outcome.code,
    "portcullis.route": route.id,
    ...(route.model !== undefined && { "portcullis.model": route.model }),
    ...(route.version !== undefined && { "portcullis.version": route.version }),
    "portcullis.request_id": safe(request.requestId),
    ...(outcome.upstreamMs !== undefined && {
      "portcullis.upstream_duration_ms": outcome.upstreamMs,
    }),
    ...(outcome.shadows.length > 0 && {
      "portcullis.shadow_codes": outcome.shadows.map(({ code }) => code),
    }),
    ...(outcome.broken.length > 0 && {
      "portcullis.broken_stages": outcome.broken.map(({ stage }) => stage),
    }),
  };
}

/** The code where there is one; for an upstream's own 5xx passed on, the status, as the conventions ask. */
const errorTypeOf = ({ code, status }: Outcome): string =>
  code === "ok" || code === "answered" ? String(status) : code;

/** Host and port of the authority the caller asked for. */
function serverOf({ authority }: CallerRequest): Record<string, string | number> {
  const colon = authority.lastIndexOf(":");
  const hasPort = colon > 0 && /^:\d{1,5}$/.test(authority.slice(colon));
  if (!hasPort) return { "server.address": safe(authority) };
  return {
    "server.address": safe(authority.slice(0, colon)),
    "server.port": Number(authority.slice(colon + 1)),
  };
}

/** Text a caller influences: redacted and capped. JSON escapes the rest on its way. */
const safe = (text: string): string => redact(text).slice(0, DEFAULT_FIELD_LIMIT_CHARS);

/** Milliseconds to seconds and nanoseconds. */
function toHrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.round((ms - seconds * 1_000) * 1e6)];
}
