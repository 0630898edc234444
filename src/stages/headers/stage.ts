/**
 * What every answer carries, and which web pages may call: answers CORS preflights before anyone is asked who they are,
 * keeps plain HTTP out where the operator says so, and never lets an upstream's word on either through.
 */
import { rejection } from "../../pipeline/rejection.ts";
import type { CallerRequest, Route } from "../../pipeline/request-context.ts";
import { setHeader, type Edit } from "../../pipeline/response.ts";
import {
  CONTINUE,
  type Decision,
  type PreparedStage,
  type StageHandlers,
} from "../../pipeline/stage.ts";
import type { HeadersConfig } from "./config.ts";
import { compileCors, isOwnOrigin, isPreflight, type CompiledCors } from "./cors.ts";
import { securityEdits } from "./security-headers.ts";

const EMPTY = Buffer.alloc(0);
const NO_EDITS: readonly Edit[] = [];

const PREFLIGHT_ANSWER: Decision<"headers"> = {
  verdict: "answer",
  response: { status: 204, headers: [], body: EMPTY },
};
const HTTPS_REQUIRED: Decision<"headers"> = {
  verdict: "reject",
  rejection: rejection("headers.https_required"),
};

export function headers(config: HeadersConfig): PreparedStage<"headers"> {
  return {
    name: "headers",
    bind: (route) => ({
      onHead: headDecider(config, route),
      decorate: decorator(config, route),
    }),
  };
}

/** Paths that match nothing have no CORS: they are 404 and nothing else. */
function corsOf({ routes, cors }: HeadersConfig, route: Route): CompiledCors | undefined {
  if (route.upstream === undefined) return undefined;
  const settings = routes.get(route.id) ?? cors;
  return settings ? compileCors(settings, route) : undefined;
}

type Decide = NonNullable<StageHandlers<"headers">["onHead"]>;

function headDecider(config: HeadersConfig, route: Route): Decide {
  const decideOrigin = originDecider(config, route);
  const { httpsOnly, httpsPort } = config;
  return ({ request }) => {
    if (httpsOnly && !request.isSecure) return toHttps(request, httpsPort);
    const origin = request.headers.get("origin");
    return origin === undefined ? CONTINUE : decideOrigin(request, origin);
  };
}

function toHttps(request: CallerRequest, httpsPort: number | undefined): Decision<"headers"> {
  // Anything but a safe method has already sent in the clear what a redirect would ask it to send again.
  if (request.method !== "GET" && request.method !== "HEAD") return HTTPS_REQUIRED;
  const authority = withPort(request.authority, httpsPort);
  const location = `https://${authority}${request.url.target}`;
  return {
    verdict: "answer",
    response: { status: 308, headers: ["location", location], body: EMPTY },
  };
}

function withPort(authority: string, port: number | undefined): string {
  if (port === undefined) return authority;
  const host = authority.replace(/:\d*$/, "");
  return port === 443 ? host : `${host}:${port}`;
}

/** Decides requests that a browser sends for a web page. Those without Origin are no business of CORS. */
function originDecider(
  config: HeadersConfig,
  route: Route,
): (request: CallerRequest, origin: string) => Decision<"headers"> {
  if (route.upstream === undefined) return () => CONTINUE;
  const cors = corsOf(config, route);
  const known = new Map<string, Decision<"headers">>();
  for (const origin of cors?.origins ?? []) {
    known.set(origin, { verdict: "continue", learned: { origin } });
  }

  return (request, origin) => {
    if (isPreflight(request)) {
      const cause = cors ? cors.refusalOf(request, origin) : "the route has no CORS";
      return cause === undefined ? PREFLIGHT_ANSWER : refuse("headers.preflight_refused", cause);
    }
    const allowed = known.get(origin);
    if (allowed) return allowed;
    if (!config.refuseUnknownOrigins || isOwnOrigin(origin, request)) return CONTINUE;
    return refuse("headers.origin_refused", "the origin is not allowed");
  };
}

function refuse(
  code: "headers.origin_refused" | "headers.preflight_refused",
  cause: string,
): Decision<"headers"> {
  return { verdict: "reject", rejection: rejection(code, { cause }) };
}

type Decorate = NonNullable<StageHandlers<"headers">["decorate"]>;

function decorator(config: HeadersConfig, route: Route): Decorate {
  const cors = corsOf(config, route);
  const secure = securityEdits(config, true);
  const plain = securityEdits(config, false);

  return ({ request }, status) => {
    const edits = [
      ...(request.isSecure ? secure : plain),
      setHeader("x-request-id", request.requestId),
    ];
    if (cors) edits.push(...corsEdits(cors, request, status));
    return edits;
  };
}

function corsEdits(cors: CompiledCors, request: CallerRequest, status: number): readonly Edit[] {
  const isOptions = request.method === "OPTIONS";
  const vary = isOptions ? cors.varyOfOptions : cors.vary;
  const origin = request.headers.get("origin");
  const grant = origin === undefined ? NO_EDITS : (cors.grants.get(origin) ?? NO_EDITS);
  if (grant.length === 0) return vary;
  if (!isOptions || !isPreflight(request)) return [...vary, ...grant];
  // A refused preflight must not read like an allowed one: its answer grants nothing.
  return status === 204 ? [...vary, ...grant, ...cors.preflight] : vary;
}
