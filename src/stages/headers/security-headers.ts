/** The header edits that every answer gets, whoever gave it; made once at load, never for a request. */
import { removeHeader, setHeader, type Edit } from "../../pipeline/response.ts";
import type { HeadersSection, HstsSettings } from "./config.ts";

/** What tells an attacker which software, and which version of it, to look up. */
const SOFTWARE_HEADERS = [
  "server",
  "via",
  "x-powered-by",
  "x-aspnet-version",
  "x-aspnetmvc-version",
  "x-backend-server",
  "x-envoy-decorator-operation",
  "x-envoy-upstream-service-time",
  "x-generator",
  "x-runtime",
  "x-served-by",
  "x-server",
];

/** CORS is the gateway's alone: an upstream that answers `*` would open what the operator has closed. */
const CORS_HEADERS = [
  "access-control-allow-credentials",
  "access-control-allow-headers",
  "access-control-allow-methods",
  "access-control-allow-origin",
  "access-control-allow-private-network",
  "access-control-expose-headers",
  "access-control-max-age",
];

/** The edits for answers over TLS (`isSecure`) or in the clear. */
export function securityEdits(config: HeadersSection, isSecure: boolean): readonly Edit[] {
  const edits = [...SOFTWARE_HEADERS, ...CORS_HEADERS, ...config.remove].map(removeHeader);
  edits.push(
    setHeader("x-content-type-options", "nosniff"),
    setHeader("x-frame-options", "DENY"),
    setHeader("referrer-policy", "no-referrer"),
    setHeader("permissions-policy", config.permissionsPolicy),
    setHeader("content-security-policy", config.contentSecurityPolicy),
    setHeader("cross-origin-resource-policy", "same-origin"),
  );
  // An edit cannot see what the upstream gave, so the safe value goes over it; `upstream` is how an operator keeps his.
  if (config.cacheControl === "no-store") edits.push(setHeader("cache-control", "no-store"));
  // RFC 6797 section 7.2: MUST NOT be sent over non-secure transport. An upstream's own is not the gateway's promise.
  if (isSecure && config.hsts)
    edits.push(setHeader("strict-transport-security", hsts(config.hsts)));
  else edits.push(removeHeader("strict-transport-security"));
  return edits;
}

function hsts({ maxAge, includeSubDomains, preload }: HstsSettings): string {
  const parts = [`max-age=${Math.floor(maxAge / 1000)}`];
  if (includeSubDomains) parts.push("includeSubDomains");
  if (preload) parts.push("preload");
  return parts.join("; ");
}
