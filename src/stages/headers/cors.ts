/**
 * CORS of one route, compiled (Fetch standard, section "HTTP-CORS protocol"). Every header value is written at load;
 * nothing a caller sends is ever echoed, only compared.
 */
import type { CallerRequest, Route } from "../../pipeline/request-context.ts";
import { appendHeader, setHeader, type Edit } from "../../pipeline/response.ts";
import type { CorsSettings } from "./config.ts";

const REQUEST_METHOD = "access-control-request-method";
const REQUEST_HEADERS = "access-control-request-headers";

export interface CompiledCors {
  readonly origins: ReadonlySet<string>;
  /** For every answer of the route, allowed or not: caches must not give one origin what was meant for another. */
  readonly vary: readonly Edit[];
  /** The same for answers to OPTIONS. */
  readonly varyOfOptions: readonly Edit[];
  /** Edits of an answer that an allowed origin may read, by origin. */
  readonly grants: ReadonlyMap<string, readonly Edit[]>;
  /** Edits that a preflight's answer has besides. */
  readonly preflight: readonly Edit[];
  /** Why a preflight is refused, for the operator; undefined when it is allowed. */
  refusalOf(request: CallerRequest, origin: string): string | undefined;
}

export function compileCors(settings: CorsSettings, route: Route): CompiledCors {
  const { credentials, exposedHeaders } = settings;
  const origins = new Set(settings.origins);
  const methods = new Set(settings.methods ?? route.methods);
  const headers = new Set(settings.headers);
  const vary = [appendHeader("vary", "Origin")];
  const grantTo = (origin: string): readonly Edit[] => [
    setHeader("access-control-allow-origin", origin),
    ...(credentials ? [setHeader("access-control-allow-credentials", "true")] : []),
    ...(exposedHeaders.length > 0
      ? [setHeader("access-control-expose-headers", exposedHeaders.join(", "))]
      : []),
    // Without this a page of the allowed origin could not use the answer at all under its own embedder policy.
    setHeader("cross-origin-resource-policy", "cross-origin"),
  ];

  return {
    origins,
    vary,
    varyOfOptions: [
      ...vary,
      appendHeader("vary", "Access-Control-Request-Method"),
      appendHeader("vary", "Access-Control-Request-Headers"),
    ],
    grants: new Map(settings.origins.map((origin) => [origin, grantTo(origin)])),
    preflight: [
      setHeader("access-control-allow-methods", [...methods].join(", ")),
      ...(headers.size > 0
        ? [setHeader("access-control-allow-headers", [...headers].join(", "))]
        : []),
      setHeader("access-control-max-age", String(Math.floor(settings.maxAge / 1000))),
    ],
    refusalOf(request, origin) {
      if (!origins.has(origin)) return "the origin is not allowed";
      // Methods are compared exactly: the Fetch standard upper-cases only the common ones, and "patch" is not "PATCH".
      if (!methods.has(request.headers.get(REQUEST_METHOD) ?? ""))
        return "the method is not allowed";
      const asked = request.headers.get(REQUEST_HEADERS) ?? "";
      for (const name of asked.split(",")) {
        const wanted = name.trim().toLowerCase();
        if (wanted !== "" && !headers.has(wanted)) return "a request header is not allowed";
      }
      return undefined;
    },
  };
}

/** OPTIONS alone is no preflight: it takes the header by which a browser asks about another method. */
export function isPreflight(request: CallerRequest): boolean {
  return request.method === "OPTIONS" && request.headers.get(REQUEST_METHOD) !== undefined;
}

/**
 * Whether a page at `origin` was served under this request's own authority: browsers send Origin there too. The same
 * host over plain HTTP is another origin to a request over HTTPS: whoever is on the way could have written that page.
 */
export function isOwnOrigin(origin: string, { authority, isSecure }: CallerRequest): boolean {
  if (origin.startsWith("https://")) return isSameHost(origin.slice(8), authority, ":443");
  return !isSecure && origin.startsWith("http://") && isSameHost(origin.slice(7), authority, ":80");
}

function isSameHost(host: string, authority: string, defaultPort: string): boolean {
  return (
    host === authority || (authority.endsWith(defaultPort) && host + defaultPort === authority)
  );
}
