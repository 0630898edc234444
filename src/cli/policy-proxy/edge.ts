/**
 * The variables that say which edge in front of the policy proxy is believed, and in what. An edge is known by its
 * certificate; without one that is listed, nothing that a proxy says about its callers counts.
 */
import { parseList, type EnvironmentDraft } from "../../config/environment.ts";
import { UnitError } from "../../config/unit.ts";
import { parseHostname } from "../../config/endpoint-text.ts";
import { CORE_ROUTES } from "./settings.ts";
import { requireVariables, type PolicyVariable } from "./variable.ts";

/** What the Caddyfile in deploy/ sets itself. What an edge merely passes on is its callers' word. */
const DEFAULT_EDGE_FACTS = ["tls", "mtls", "user", "groups"];

const TLS = ["listeners", 0, "tls"] as const;
const EDGE = ["constitution", "edge"] as const;
const ISSUER = ["identity", "issuers", "cf-access"] as const;

const certificateRows: readonly PolicyVariable[] = [
  {
    name: "TLS_CERT_PATH",
    description: "PEM file of this proxy's certificate, followed by its issuers. TLS 1.3 only.",
    example: "/etc/portcullis/policy-proxy.crt",
    otherwise: "plain HTTP, on loopback only",
    apply(value, draft) {
      requireVariables(draft, "TLS_KEY_PATH");
      draft.set(TLS, { certificate: `file:${value}`, minVersion: "TLSv1.3" });
    },
  },
  {
    name: "TLS_KEY_PATH",
    description: "PEM file of its private key.",
    example: "/etc/portcullis/policy-proxy.key",
    otherwise: "as above",
    apply(value, draft) {
      requireVariables(draft, "TLS_CERT_PATH");
      draft.set([...TLS, "key"], `file:${value}`);
    },
  },
  {
    name: "EDGE_CA_PATH",
    description:
      "PEM file of the authority of edges' certificates. Who shows none may call, is believed in nothing, and is on record.",
    example: "/etc/portcullis/edge-ca.crt",
    otherwise: "nobody is asked for a certificate",
    apply(value, draft) {
      requireVariables(draft, "TLS_CERT_PATH", "TLS_KEY_PATH", "EDGE_PEERS");
      draft.set([...TLS, "callers"], { mode: "request", ca: `file:${value}` });
    },
  },
  {
    name: "EDGE_PEERS",
    description:
      "Which certificates make an edge, separated by commas: a subject alternative name with its kind, or the base64url SHA-256 of the certificate (`x5t#S256`).",
    example: "DNS:edge.internal",
    otherwise: "no edge is believed in anything, and a warning says so",
    apply(value, draft) {
      requireVariables(draft, "EDGE_CA_PATH");
      draft.set([...EDGE, "peers"], parseList(value).map(peerOf));
      draft.set([...EDGE, "facts"], DEFAULT_EDGE_FACTS);
    },
  },
];

const factRows: readonly PolicyVariable[] = [
  {
    name: "EDGE_FACTS",
    description:
      "What edges are believed in, separated by commas: tls, mtls, webhook, user, groups, decision, panic. Only what they set themselves.",
    example: "tls,mtls,user,groups,webhook",
    otherwise: "`tls,mtls,user,groups`",
    apply(value, draft) {
      requireVariables(draft, "EDGE_PEERS");
      const facts = parseList(value);
      draft.set(
        [...EDGE, "facts"],
        facts.filter((fact) => fact !== "panic"),
      );
      draft.set([...EDGE, "panic"], facts.includes("panic"));
    },
  },
  {
    name: "EDGE_AUTH_METHOD",
    description: "`auth.method` of users whom the edge or Cloudflare Access names.",
    example: "access-passkey",
    otherwise: "`auth.method` is not known",
    apply: (value, draft) => setOfUsers("authMethod", value, draft),
  },
  {
    name: "EDGE_RP_ID",
    description: "`auth.rp_id` of such users: the WebAuthn relying party.",
    example: "app.example.com",
    otherwise: "`auth.rp_id` is not known",
    apply: (value, draft) => setOfUsers("rpId", value, draft),
  },
];

const accessRows: readonly PolicyVariable[] = [
  {
    name: "CF_ACCESS_TEAM_DOMAIN",
    description:
      "Cloudflare Access in front: its team domain, whose keys verify `Cf-Access-Jwt-Assertion`. All paths but webhooks then need a valid one.",
    example: "example.cloudflareaccess.com",
    otherwise: "assertions are not looked at",
    apply(value, draft) {
      requireVariables(draft, "CF_ACCESS_AUD");
      const origin = `https://${parseHostname(value.replace(/^https:\/\//, ""))}`;
      const hasEdge = draft.variable("EDGE_PEERS") !== undefined;
      draft.set(ISSUER, {
        issuer: origin,
        jwksUrl: `${origin}/cdn-cgi/access/certs`,
        algorithms: ["RS256"],
        typ: ["JWT"],
        header: "cf-access-jwt-assertion",
        headerFrom: hasEdge ? "edge" : "anyone",
        claims: { caller: ["common_name", "sub"], groups: ["groups", "/custom/groups"] },
      });
      requireIdentity(draft);
    },
  },
  {
    name: "CF_ACCESS_AUD",
    description: "Application audience tag of Cloudflare Access; several are separated by commas.",
    example: "4714c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2",
    otherwise: "as above",
    apply(value, draft) {
      requireVariables(draft, "CF_ACCESS_TEAM_DOMAIN");
      draft.set([...ISSUER, "audience"], parseList(value));
    },
  },
];

export const EDGE_VARIABLES: readonly PolicyVariable[] = [
  ...certificateRows,
  ...accessRows,
  ...factRows,
];

/** A thumbprint has no colon, and a name with its kind always has. */
const peerOf = (text: string): object =>
  text.includes(":") ? { san: text } : { thumbprint: text };

/** Both ways in which a user may be named. */
function setOfUsers(field: "authMethod" | "rpId", value: string, draft: EnvironmentDraft): void {
  const hasEdge = draft.variable("EDGE_PEERS") !== undefined;
  const hasAccess = draft.variable("CF_ACCESS_TEAM_DOMAIN") !== undefined;
  if (!hasEdge && !hasAccess)
    throw new UnitError("EDGE_PEERS or CF_ACCESS_TEAM_DOMAIN must be set too");
  if (hasEdge) draft.set([...EDGE, field], value);
  if (hasAccess) draft.set([...ISSUER, field], value);
}

/** Everyone with a valid assertion comes as far as the pack, which decides. */
function requireIdentity(draft: EnvironmentDraft): void {
  for (const index of CORE_ROUTES.keys()) draft.set(["routes", index, "identity"], "required");
  draft.set(["authorization", "grants"], [{ name: "for-the-pack", route: [...CORE_ROUTES] }]);
}
