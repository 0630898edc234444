/**
 * Names of a request for logs and traces: taken from the caller where they are sane, made here otherwise. They are for
 * finding things again, never for trusting anyone.
 */
import { randomFillSync } from "node:crypto";
import type { TraceContext } from "../pipeline/request-context.ts";
import type { SampleTrace } from "./gate.ts";

/** Short enough for a log line and free of anything that could break out of one. */
const SANE_ID = /^[A-Za-z0-9._-]{1,128}$/;
/** W3C Trace Context section 3.2.2: version, trace-id, parent-id, flags; later versions may append fields. */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
/** W3C Trace Context section 3.3.1.5 asks to pass on at least 512 characters. */
const TRACESTATE_CHARACTERS = 512;
const NO_TRACE = "0".repeat(32);
const NO_SPAN = "0".repeat(16);

// One request needs 24 random bytes; asking the kernel for them one by one would cost more than all else here.
const DIGITS_PER_REQUEST = 48;
// Ids are cut from one text, and who keeps one keeps all of it: so few that this is 3 KB.
const pool = Buffer.allocUnsafe((DIGITS_PER_REQUEST / 2) * 64);
let digits = "";
let used = 0;

function randomHex(): string {
  if (used === digits.length) {
    digits = randomFillSync(pool).toString("hex");
    used = 0;
  }
  const from = used;
  used += DIGITS_PER_REQUEST;
  return digits.slice(from, used);
}

export interface RequestIds {
  readonly requestId: string;
  readonly correlationId: string;
  readonly trace: TraceContext;
}

/** The headers that ids are read from. */
export interface IdHeaders {
  readonly requestId: string | undefined;
  readonly correlationId: string | undefined;
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
}

export function requestIds(headers: IdHeaders, sampleTrace: SampleTrace): RequestIds {
  const random = randomHex();
  const requestId = saneId(headers.requestId) ?? random.slice(0, 32);
  return {
    requestId,
    correlationId: saneId(headers.correlationId) ?? requestId,
    trace: traceContext(headers, random, sampleTrace),
  };
}

function saneId(given: string | undefined): string | undefined {
  return given !== undefined && SANE_ID.test(given) ? given : undefined;
}

/** Continues the caller's trace, or begins one: a `traceparent` that breaks the rules counts as none (section 4.3). */
function traceContext(headers: IdHeaders, random: string, sampleTrace: SampleTrace): TraceContext {
  const spanId = random.slice(32);
  const given = headers.traceparent === undefined ? null : TRACEPARENT.exec(headers.traceparent);
  const [, version, traceId, parentSpanId, flags, more] = given ?? [];
  if (
    traceId === undefined ||
    parentSpanId === undefined ||
    traceId === NO_TRACE ||
    parentSpanId === NO_SPAN ||
    (version === "00" && more !== undefined)
  )
    return begin(random.slice(0, 32), spanId, sampleTrace);
  const isSampled = (Number.parseInt(flags as string, 16) & 1) === 1;
  const state = headers.tracestate;
  if (state === undefined || state === "" || state.length > TRACESTATE_CHARACTERS)
    return { traceId, spanId, parentSpanId, isSampled };
  return { traceId, spanId, parentSpanId, isSampled, state };
}

function begin(traceId: string, spanId: string, sampleTrace: SampleTrace): TraceContext {
  return { traceId, spanId, isSampled: sampleTrace(traceId) };
}
