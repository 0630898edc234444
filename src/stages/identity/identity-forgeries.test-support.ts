/**
 * Forged and hostile tokens for tests, by the attack they belong to, beside the sound ones they are made from. Nothing of
 * the product may import this.
 */
import { createPublicKey, randomUUID } from "node:crypto";
import {
  createKey,
  encodeSegment,
  headerOf,
  ISSUER,
  type Members,
  type Segment,
  signSymmetric,
  signToken,
} from "./identity-harness.test-support.ts";

/** When all these tokens were issued; tests set their clock to it. */
export const FORGED_AT_MS: number = Date.UTC(2026, 10, 22, 12);
const seconds = FORGED_AT_MS / 1000;

/** The issuer's keys, and a stranger's under the name of one of them. */
export const es = createKey("ES256", "es");
export const rs = createKey("RS256", "rs");
export const stranger = createKey("ES256", "es");

/** Where keys can be had: the issuer's server, and the attacker's. */
interface World {
  readonly issuerUrl: string;
  readonly attackerUrl: string;
}

/** What an attacker sends. */
export interface Presented {
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly query?: string;
}

export const bearer = (token: string): Presented => ({
  headers: { authorization: `Bearer ${token}` },
});
const all = (...tokens: string[]): Presented[] => tokens.map(bearer);

export const claimsOf = (changes: Members = {}): Members => ({
  iss: ISSUER,
  aud: "inference",
  sub: "core-banking",
  client_id: "core-banking",
  iat: seconds,
  exp: seconds + 600,
  jti: randomUUID(),
  ...changes,
});
export const tokenOf = (header: Members = {}, claims: Members = {}, key = es) =>
  signToken(key, headerOf(key, header), claimsOf(claims));
const rawClaims = (text: string) => signToken(es, headerOf(es), text);
const rawHeader = (header: Segment) => signToken(es, header, claimsOf());
const unsigned = (header: Members) => `${encodeSegment(header)}.${encodeSegment(claimsOf())}.`;

/** A token with its signature changed to these bytes. */
export function withSignature(token: string, signature: Buffer | string): string {
  const text = Buffer.isBuffer(signature) ? signature.toString("base64url") : signature;
  return token.slice(0, token.lastIndexOf(".") + 1) + text;
}

/** Everything an attacker may have made of the published RSA key. */
function publicKeyForms(): (string | Buffer)[] {
  const forms = createPublicKey({ key: rs.jwk, format: "jwk" });
  const pem = forms.export({ type: "spki", format: "pem" }) as string;
  return [
    pem,
    pem.trimEnd(),
    forms.export({ type: "pkcs1", format: "pem" }),
    forms.export({ type: "spki", format: "der" }),
    JSON.stringify(rs.jwk),
  ];
}

/** A last character that decodes to the same bytes. */
function otherTail(token: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const last = alphabet.indexOf(token.at(-1) ?? "");
  return token.slice(0, -1) + alphabet[last + 1];
}

export const FORGERIES: Readonly<Record<string, (world: World) => readonly Presented[]>> = {
  "alg none": () =>
    all(
      ...["none", "None", "nOnE", "NONE", ""].flatMap((alg) => [
        unsigned({ alg, typ: "at+jwt" }),
        `${unsigned({ alg, typ: "at+jwt", kid: "es" })}AA`,
      ]),
    ),
  "alg missing": () =>
    all(
      rawHeader({ typ: "at+jwt", kid: "es" }),
      rawHeader({ typ: "at+jwt", kid: "es", alg: null }),
      rawHeader({ typ: "at+jwt", kid: "es", alg: ["ES256"] }),
    ),
  "HS/RS confusion": () =>
    all(
      ...publicKeyForms().flatMap((secret) => [
        signSymmetric(secret, { alg: "HS256", typ: "at+jwt", kid: "rs" }, claimsOf()),
        signSymmetric(secret, { alg: "RS256", typ: "at+jwt", kid: "rs" }, claimsOf()),
        signSymmetric(secret, { alg: "HS256", typ: "at+jwt" }, claimsOf()),
      ]),
    ),
  unsigned: () => {
    const token = tokenOf();
    return all(withSignature(token, ""), token.slice(0, token.lastIndexOf(".")));
  },
  "signature of another token": () => {
    const [header, , signature] = tokenOf().split(".");
    return all(`${header}.${encodeSegment(claimsOf({ client_id: "admin" }))}.${signature}`);
  },
  "null signature": () =>
    all(
      withSignature(tokenOf(), Buffer.alloc(64)),
      withSignature(tokenOf(), Buffer.from("3006020100020100", "hex")),
      withSignature(tokenOf({}, {}, rs), Buffer.alloc(256)),
      withSignature(tokenOf(), "AA"),
    ),
  "embedded jwk": () =>
    all(
      signToken(stranger, headerOf(stranger, { jwk: stranger.jwk }), claimsOf()),
      signToken(stranger, { alg: "ES256", typ: "at+jwt", jwk: stranger.jwk }, claimsOf()),
      tokenOf({ jwk: es.jwk }),
    ),
  jku: ({ issuerUrl, attackerUrl }) =>
    all(
      ...[
        `${attackerUrl}/jwks`,
        `https://idp.example.bank@${new URL(attackerUrl).host}/jwks`,
        `${ISSUER}/../jwks`,
        `${issuerUrl}/redirect?to=${attackerUrl}`,
      ].map((jku) => signToken(stranger, headerOf(stranger, { jku }), claimsOf())),
    ),
  x5u: ({ attackerUrl }) =>
    all(
      signToken(stranger, headerOf(stranger, { x5u: `${attackerUrl}/cert` }), claimsOf()),
      tokenOf({ x5u: `${attackerUrl}/cert` }),
    ),
  x5c: () =>
    all(
      signToken(stranger, headerOf(stranger, { x5c: ["MIIB"] }), claimsOf()),
      tokenOf({ x5c: [] }),
    ),
  "kid traversal": () =>
    all(
      ...["../../../../dev/null", "/dev/null", "file:///dev/null"].flatMap((kid) => [
        signSymmetric("", { alg: "HS256", typ: "at+jwt", kid }, claimsOf()),
        signToken(stranger, headerOf(stranger, { kid }), claimsOf()),
      ]),
    ),
  "kid injection": () =>
    all(
      ...[
        "' UNION SELECT 'x' --",
        "es; cat /etc/passwd",
        "es\r\nX-Injected: 1",
        "__proto__",
        "es\0",
      ]
        .concat("k".repeat(257), "")
        .map((kid) => signToken(stranger, headerOf(stranger, { kid }), claimsOf())),
      tokenOf({ kid: ["es"] }),
      tokenOf({ kid: { toString: "es" } }),
    ),
  "kid unknown": () => all(...Array.from({ length: 100 }, () => tokenOf({ kid: randomUUID() }))),
  "crit unknown": () =>
    all(tokenOf({ crit: ["x"], x: 1 }), tokenOf({ crit: [] }), tokenOf({ crit: ["exp"] })),
  "b64 false": () =>
    all(tokenOf({ b64: false }), tokenOf({ b64: false, crit: ["b64"] }), tokenOf({ b64: true })),
  "exp/nbf/iat types": () =>
    all(
      ...[
        { exp: String(seconds + 600) },
        { exp: seconds + 600.5 },
        { exp: -1 },
        { exp: 0 },
        { exp: 2 ** 53 },
        { exp: undefined },
        { exp: null },
        { exp: [seconds + 600] },
        { exp: true },
        { exp: seconds + 86_401 },
        { exp: seconds - 30 },
        { nbf: seconds + 31 },
        { nbf: String(seconds) },
        { iat: seconds + 31 },
        { iat: String(seconds) },
        { iat: undefined },
        { iat: seconds - 86_000 },
      ].map((claims) => tokenOf({}, claims)),
      rawClaims(JSON.stringify(claimsOf()).replace(/"exp":\d+/, '"exp":1e308')),
      rawClaims(JSON.stringify(claimsOf()).replace(/"exp":\d+/, '"exp":1e999')),
    ),
  "iss/aud": () =>
    all(
      ...[
        { iss: "https://evil.example" },
        { iss: `${ISSUER}/` },
        { iss: ISSUER.toUpperCase() },
        { iss: ` ${ISSUER}` },
        { iss: [ISSUER] },
        { iss: undefined },
        { iss: "__proto__" },
        { aud: "billing" },
        { aud: "inferenc" },
        { aud: "INFERENCE" },
        { aud: ["billing", "inference2"] },
        { aud: [] },
        { aud: undefined },
        { aud: ["inference", 7] },
        { aud: { inference: true } },
        { aud: Array.from({ length: 65 }, () => "inference") },
      ].map((claims) => tokenOf({}, claims)),
    ),
  "cross-JWT": () =>
    all(
      ...["JWT", "dpop+jwt", "logout+jwt", "secevent+jwt", "at+jwt ", "application/jwt", ""].map(
        (typ) => tokenOf({ typ }),
      ),
      tokenOf({ typ: undefined }),
      tokenOf({ typ: ["at+jwt"] }),
      ...["nonce", "at_hash", "c_hash", "s_hash", "events"].map((name) =>
        tokenOf({}, { [name]: "x" }),
      ),
      tokenOf({}, { typ: "Refresh" }),
      tokenOf({}, { typ: "ID" }),
      tokenOf({}, { token_use: "id" }),
      tokenOf({}, { cnf: { jkt: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" } }),
    ),
  "key type": () =>
    all(
      signToken(es, headerOf(es, { alg: "RS256", kid: "rs" }), claimsOf()),
      signToken(es, headerOf(es, { alg: "RS256" }), claimsOf()),
      signToken(rs, headerOf(rs, { alg: "ES256" }), claimsOf()),
      signToken({ ...rs, algorithm: "PS256" }, headerOf(rs, { alg: "PS256" }), claimsOf()),
      signToken({ ...rs, algorithm: "RS512" }, headerOf(rs, { alg: "RS512" }), claimsOf()),
      signToken(createKey("RS256", "rs", 1024), headerOf(rs), claimsOf()),
    ),
  "duplicate claims": () => {
    const claims = JSON.stringify(claimsOf());
    return all(
      rawHeader('{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"es"}'),
      rawHeader('{"alg":"ES256","typ":"at+jwt","kid":"es","\\u006bid":"es"}'),
      rawClaims(claims.replace("{", '{"sub":"admin",')),
      rawClaims(claims.replace(/}$/, ',"client_i\\u0064":"admin"}')),
      rawClaims(claims.replace(/}$/, ',"__proto__":{"tenant_id":"x"}}')),
    );
  },
  "non-canonical base64url": () => {
    const token = tokenOf();
    const [header, payload, signature] = token.split(".");
    return all(
      `${token}==`,
      `${token}=`,
      `${token}\0`,
      `${token} `,
      otherTail(token),
      `${header}=.${payload}.${signature}`,
      `${header} .${payload}.${signature}`,
      `${header}.\t${payload}.${signature}`,
      `${header}.${payload}.${signature?.slice(0, 10)} ${signature?.slice(10)}`,
      `${header}.${payload}.${signature?.slice(0, 10)}+${signature?.slice(10)}`,
      `${header}.${payload}.${signature?.slice(0, 10)}/${signature?.slice(10)}`,
    );
  },
  "JWE as JWS": () =>
    all(
      `${encodeSegment({ alg: "PBES2-HS512+A256KW", enc: "A256GCM", p2c: 2 ** 31 })}.AA.AA.AA.AA`,
      `${encodeSegment({ alg: "dir", enc: "A128GCM", zip: "DEF" })}..AA.AA.AA`,
      tokenOf({ enc: "A256GCM" }),
      tokenOf({ zip: "DEF" }),
      `${tokenOf()}.AA.AA`,
    ),
  size: () =>
    all(
      tokenOf({ pad: "x".repeat(100_000) }),
      tokenOf({}, { pad: "x".repeat(100_000) }),
      ".".repeat(10_000),
      "A".repeat(16_384),
      rawClaims(`${"[".repeat(8_000)}${"]".repeat(8_000)}`),
      rawClaims(
        JSON.stringify(claimsOf()).replace(/}$/, `,"x":${"[".repeat(17)}${"]".repeat(17)}}`),
      ),
    ),
  "several credentials": () => {
    const token = tokenOf();
    return [
      { headers: { authorization: [`Bearer ${token}`, `Bearer ${token}`] } },
      { headers: { authorization: [`Bearer ${token}`, "Basic YTpi"] } },
      { headers: { authorization: `Bearer ${token}`, "x-api-key": "pck_live_x" } },
      { headers: { authorization: `Bearer ${token}` }, query: `a=1&access_token=${token}` },
      { query: `access_token=${token}` },
      { headers: { cookie: `access_token=${token}` } },
      { headers: { authorization: token } },
      { headers: { authorization: `Token ${token}` } },
      { headers: { authorization: `Bearer${token}` } },
      { headers: { authorization: `Bearer\t${token}` } },
      { headers: { authorization: "Bearer " } },
      { headers: { authorization: "Bearer" } },
    ];
  },
  "cty/typ nesting": () =>
    all(tokenOf({ cty: "JWT" }), signToken(es, headerOf(es, { cty: "JWT" }), tokenOf())),
};
