/**
 * The access line: one outcome as one line of JSON, always with the same fields in the same order (`null` where there is
 * nothing to say). It must never hold a raw path, a header, a body or an unredacted text. A
 * subject or client that is an e-mail address is written as `[email]`.
 *
 * WHY by hand: through pino's own serialiser and stream the same line costs about four times the CPU.
 */
import type { AuthenticatedIdentity, Identity } from "../pipeline/facts.ts";
import type { BrokenStage, Outcome, ShadowVerdict } from "../pipeline/outcome.ts";
import type { MalformedReport } from "../pipeline/exchange.ts";
import type { Route } from "../pipeline/request-context.ts";
import { inspectedText } from "./inspected-text.ts";
import { escapeJsonText, fieldText, freeText } from "./json-text.ts";
import { suspicionText } from "./suspicion-text.ts";
import { limitedText } from "./limited-text.ts";

/** The line's fields in their order; the reference documentation and the tests read this. */
export const ACCESS_LINE_FIELDS = [
  "time",
  "level",
  "msg",
  "request_id",
  "correlation_id",
  "trace_id",
  "span_id",
  "tenant_id",
  "client_id",
  "subject",
  "model",
  "version",
  "route",
  "routed_to",
  "method",
  "path",
  "status",
  "decision",
  "stage",
  "code",
  "cause",
  "latency_ms",
  "upstream_ms",
  "bytes_in",
  "bytes_out",
  "caller_address",
  "shadows",
  "broken",
  "waf",
  "limits",
  "marks",
  "extraction",
] as const;

/** `info` for what was allowed and what was expectedly refused, `error` for faults, bad upstreams and bugs. */
export const accessLevel = (outcome: Outcome): "info" | "error" =>
  outcome.decision === "error" ? "error" : "info";

const NO_IDENTITY = '"tenant_id":null,"client_id":null,"subject":null';

/** The line with its line end. `time` is RFC 3339 text. */
export function accessLine(time: string, outcome: Outcome): string {
  const { request, route, facts } = outcome.context;
  const named = routeText(route);
  const requestId = fieldText(request.requestId);
  // Where the caller gave no correlation id it is the request id.
  const isCorrelated = request.correlationId !== request.requestId;
  const correlationId = isCorrelated ? fieldText(request.correlationId) : requestId;
  return `{"time":"${time}","level":"${accessLevel(outcome)}","msg":"request","request_id":"${requestId}","correlation_id":"${correlationId}","trace_id":"${escapeJsonText(request.trace.traceId)}","span_id":"${escapeJsonText(request.trace.spanId)}",${identityText(facts.identity)},${named.name},"routed_to":${configuredText(facts["kill-switch"]?.routedTo?.version)},"method":"${escapeJsonText(request.method)}","path":${named.path},"status":${numberText(outcome.status)},"decision":"${outcome.decision}","stage":"${outcome.stage}","code":"${outcome.code}","cause":${optionalText(outcome.cause)},"latency_ms":${millisText(outcome.latencyMs)},"upstream_ms":${millisText(outcome.upstreamMs)},"bytes_in":${numberText(outcome.bytesIn)},"bytes_out":${numberText(outcome.bytesOut)},"caller_address":"${escapeJsonText(request.callerAddress)}","shadows":${shadowsText(outcome.shadows)},"broken":${brokenText(outcome.broken)},"waf":${facts.waf === undefined ? "null" : inspectedText(facts.waf)},"limits":${facts.limits === undefined ? "null" : limitedText(facts.limits)},"marks":${marksText(facts.sources?.marks)},"extraction":${facts.extraction === undefined ? "null" : suspicionText(facts.extraction)}}\n`;
}

/** A connection that never became a request, with the fields of the access line that exist for it. */
export function malformedLine(
  time: string,
  { listener, address, rejection }: MalformedReport,
): string {
  return `{"time":"${time}","level":"info","msg":"malformed request","status":${numberText(rejection.status)},"decision":"deny","stage":"listener","code":"${rejection.code}","cause":${optionalText(rejection.cause)},"caller_address":"${fieldText(address)}","listener":"${fieldText(listener)}"}\n`;
}

interface RouteText {
  readonly name: string;
  readonly path: string;
}

/** A route's part of the line never changes, so it is written once; dropped with the configuration that held it. */
const ROUTE_TEXTS = new WeakMap<Route, RouteText>();

function routeText(route: Route): RouteText {
  const known = ROUTE_TEXTS.get(route);
  if (known) return known;
  const text = {
    name: `"model":${configuredText(route.model)},"version":${configuredText(route.version)},"route":${configuredText(route.id)}`,
    path: configuredText(route.template),
  };
  ROUTE_TEXTS.set(route, text);
  return text;
}

/** What the operator configured is not secret: escaped only, so that no route's name is mistaken for a token. */
const configuredText = (text: string | undefined): string =>
  text === undefined ? "null" : `"${escapeJsonText(text)}"`;

/** A verified token gives the same identity object each time, so its part of the line is written once, too. */
const IDENTITY_TEXTS = new WeakMap<Identity, string>();

function identityText(identity: Identity | undefined): string {
  if (identity === undefined || identity.method === "anonymous") return NO_IDENTITY;
  const known = IDENTITY_TEXTS.get(identity);
  if (known !== undefined) return known;
  const text = textOfIdentity(identity);
  IDENTITY_TEXTS.set(identity, text);
  return text;
}

function textOfIdentity(identity: AuthenticatedIdentity): string {
  const tenant = identity.tenant === undefined ? "null" : `"${fieldText(identity.tenant)}"`;
  return `"tenant_id":${tenant},"client_id":"${fieldText(identity.caller)}","subject":"${fieldText(identity.subject)}"`;
}

const optionalText = (text: string | undefined): string =>
  text === undefined ? "null" : `"${freeText(text)}"`;

const numberText = (value: number): string => (Number.isFinite(value) ? String(value) : "null");

/** Above this (20 minutes) engines no longer keep the number as a small integer. */
const MAX_FAST_MICROS = 1_000_000_000;

/** Milliseconds to the microsecond; finer digits are noise of the clock. */
function millisText(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return "null";
  const micros = Math.round(value * 1_000);
  // Whole numbers print several times as fast as fractions.
  if (micros < 0 || micros > MAX_FAST_MICROS) return String(micros / 1_000);
  const rest = micros % 1_000;
  return `${(micros - rest) / 1_000}.${rest < 10 ? "00" : rest < 100 ? "0" : ""}${rest}`;
}

function shadowsText(shadows: readonly ShadowVerdict[]): string {
  if (shadows.length === 0) return "[]";
  return `[${shadows.map(({ stage, code }) => `{"stage":"${stage}","code":"${code}"}`).join(",")}]`;
}

/** Names of lists are slugs of the configuration's. */
const marksText = (marks: readonly string[] = []): string =>
  marks.length === 0 ? "[]" : `["${marks.join('","')}"]`;

function brokenText(broken: readonly BrokenStage[]): string {
  if (broken.length === 0) return "[]";
  return `[${broken.map(({ stage, cause }) => `{"stage":"${stage}","cause":"${freeText(cause)}"}`).join(",")}]`;
}
