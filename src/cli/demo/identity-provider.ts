/**
 * A development identity provider on loopback: real OAuth 2.0 client_credentials with ES256 access tokens (RFC 9068). Its
 * keys and secrets are made at start, live in memory and die with the process; it must never leave a developer's machine.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { type Adapter, type Configuration, Provider } from "oidc-provider";
import type { DemoCaller } from "./demo-callers.ts";

/** Who the tokens are for; RFC 8707 names it by a URI, the token's `aud` by this. */
export const AUDIENCE = "inference";
const RESOURCE = `urn:portcullis:${AUDIENCE}`;
/** Long enough to paste a curl line in peace, short enough that a leaked demo token is soon worthless. */
const DEFAULT_LIFETIME_SECONDS = 3600;
const ALGORITHM = "ES256";

/** What a token says; signed with the provider's own key unless `isForeignKey`. */
export interface TokenRequest {
  readonly caller: DemoCaller;
  readonly tenant?: string;
  readonly audience?: string;
  readonly issuer?: string;
  /** From now; negative makes a token that has expired. */
  readonly lifetimeSeconds?: number;
  /** Signed with a key that the provider does not know. */
  readonly isForeignKey?: boolean;
}

export interface IdentityProvider {
  readonly issuer: string;
  readonly tokenUrl: string;
  readonly jwksUrl: string;
  /** The secret of a caller, by name. */
  readonly secrets: ReadonlyMap<string, string>;
  /** Gets a token as an application does: client_credentials at the token endpoint, for these scopes. */
  fetchToken(caller: DemoCaller, scopes: readonly string[]): Promise<string>;
  /** Signs a token that the provider itself would not give out: expired, for another tenant, from another issuer. */
  mintToken(request: TokenRequest): Promise<string>;
  close(): Promise<void>;
}

/** Signed tokens stand for themselves and client_credentials has no session: there is nothing to remember. */
const NOTHING_STORED: Adapter = {
  upsert: async () => undefined,
  find: async () => undefined,
  findByUserCode: async () => undefined,
  findByUid: async () => undefined,
  consume: async () => undefined,
  destroy: async () => undefined,
  revokeByGrantId: async () => undefined,
};

interface SigningKey {
  readonly privateKey: Awaited<ReturnType<typeof generateKeyPair>>["privateKey"];
  readonly jwk: JWK;
}

export async function startIdentityProvider(
  callers: readonly DemoCaller[],
): Promise<IdentityProvider> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const [own, foreign] = await Promise.all([createKey("demo"), createKey("stranger")]);
  const secrets = new Map(
    callers.map(({ name }) => [name, randomBytes(32).toString("base64url")] as const),
  );
  const provider = new Provider(issuer, configure(callers, secrets, own.jwk));
  server.on("request", provider.callback());
  const tokenUrl = `${issuer}/token`;
  return {
    issuer,
    tokenUrl,
    jwksUrl: `${issuer}/jwks`,
    secrets,
    fetchToken: (caller, scopes) =>
      fetchToken(tokenUrl, { caller, secret: secrets.get(caller.name) ?? "", scopes }),
    mintToken: (request) => mintToken(request, issuer, request.isForeignKey ? foreign : own),
    close: () => close(server),
  };
}

async function createKey(kid: string): Promise<SigningKey> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  return { privateKey, jwk: { ...(await exportJWK(privateKey)), kid, alg: ALGORITHM, use: "sig" } };
}

function configure(
  callers: readonly DemoCaller[],
  secrets: ReadonlyMap<string, string>,
  key: JWK,
): Configuration {
  const tenants = new Map(callers.map(({ name, tenant }) => [name, tenant]));
  return {
    adapter: () => NOTHING_STORED,
    jwks: { keys: [key] },
    clients: callers.map(({ name, scopes }) => ({
      client_id: name,
      client_secret: secrets.get(name) as string,
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
      token_endpoint_auth_method: "client_secret_basic",
      id_token_signed_response_alg: ALGORITHM,
      scope: scopes.join(" "),
    })),
    scopes: [...new Set(callers.flatMap(({ scopes }) => scopes))],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => RESOURCE,
        getResourceServerInfo: (_context, _resource, { scope = "" }) => ({
          scope,
          audience: AUDIENCE,
          accessTokenTTL: DEFAULT_LIFETIME_SECONDS,
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: ALGORITHM } },
        }),
      },
    },
    ttl: { ClientCredentials: DEFAULT_LIFETIME_SECONDS },
    extraTokenClaims: (_context, token) =>
      "clientId" in token && token.clientId !== undefined
        ? { tenant_id: tenants.get(token.clientId) }
        : undefined,
  };
}

interface Credentials {
  readonly caller: DemoCaller;
  readonly secret: string;
  readonly scopes: readonly string[];
}

async function fetchToken(
  tokenUrl: string,
  { caller, secret, scopes }: Credentials,
): Promise<string> {
  const form = new URLSearchParams({ grant_type: "client_credentials" });
  if (scopes.length > 0) form.set("scope", scopes.join(" "));
  const credentials = Buffer.from(`${caller.name}:${secret}`).toString("base64");
  const response = await fetch(tokenUrl, {
    method: "POST",
    headers: { authorization: `Basic ${credentials}` },
    body: form,
  });
  const answer = (await response.json()) as { access_token?: string; error_description?: string };
  if (answer.access_token) return answer.access_token;
  throw new Error(
    `the identity provider gave ${caller.name} no token: ${answer.error_description ?? response.status}`,
  );
}

/** RFC 9068 section 2.2: the claims an access token must have. */
function mintToken(request: TokenRequest, ownIssuer: string, key: SigningKey): Promise<string> {
  const { caller, lifetimeSeconds = DEFAULT_LIFETIME_SECONDS } = request;
  const now = Math.floor(Date.now() / 1000);
  const issuedAt = lifetimeSeconds < 0 ? now + 2 * lifetimeSeconds : now;
  return new SignJWT({
    client_id: caller.name,
    tenant_id: request.tenant ?? caller.tenant,
    scope: caller.scopes.join(" "),
  })
    .setProtectedHeader({ alg: ALGORITHM, typ: "at+jwt", kid: key.jwk.kid as string })
    .setIssuer(request.issuer ?? ownIssuer)
    .setSubject(caller.name)
    .setAudience(request.audience ?? AUDIENCE)
    .setIssuedAt(issuedAt)
    .setExpirationTime(now + lifetimeSeconds)
    .setJti(randomUUID())
    .sign(key.privateKey);
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
