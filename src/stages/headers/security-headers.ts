/** The header edits that every answer gets, whoever gave it; made once at load, never for a request. */
import { replaceHeaders, type Edit } from "../../pipeline/response.ts";
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

/** The edits for answers over TLS (`isSecure`) or in the clear: one pass for all that is fixed, then the defaults. */
export function securityEdits(config: HeadersSection, isSecure: boolean): readonly Edit[] {
  const fields = [
    ["x-content-type-options", "nosniff"],
    ["x-frame-options", "DENY"],
    ["referrer-policy", "no-referrer"],
    ["permissions-policy", config.permissionsPolicy],
    ["content-security-policy", config.contentSecurityPolicy],
    ["cross-origin-resource-policy", "same-origin"],
  ];
  // RFC 6797 section 7.2: MUST NOT be sent over non-secure transport. An upstream's own is not the gateway's promise.
  if (isSecure && config.hsts) fields.push(["strict-transport-security", hsts(config.hsts)]);
  if (config.cacheControl === "no-store") fields.push(["cache-control", "no-store"]);
  const names = new Set([
    ...SOFTWARE_HEADERS,
    ...CORS_HEADERS,
    ...config.remove,
    "strict-transport-security",
    ...fields.map(([name = ""]) => name),
  ]);
  return [replaceHeaders(names, fields.flat())];
}

function hsts({ maxAge, includeSubDomains, preload }: HstsSettings): string {
  const parts = [`max-age=${Math.floor(maxAge / 1000)}`];
  if (includeSubDomains) parts.push("includeSubDomains");
  if (preload) parts.push("preload");
  return parts.join("; ");
}
