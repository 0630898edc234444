/** Tokens in a header field of their own: from whom they count, beside what they do not, and that they go no further. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  contextOf,
  FrozenClock,
  peerOf,
  type RequestInput,
} from "../../../test/support/context.ts";
import type { Peer } from "../../pipeline/request-context.ts";
import type { Decision } from "../../pipeline/stage.ts";
import { fieldName } from "../../server/header-names.ts";
import { createRequestHead } from "../../upstream/request-head.ts";
import {
  answering,
  cleanups,
  cleanUp,
  createKey,
  headerOf,
  jwksOf,
  type Members,
  prepareStage,
  SHARED_BANK,
  sharedToken,
  signToken,
  startKeyServer,
} from "./identity-harness.test-support.ts";
import { TOKEN_FIELDS } from "./issuer-config.ts";

let clock: FrozenClock;
beforeEach(() => {
  clock = new FrozenClock();
});
afterEach(cleanUp);

const FIELD = "cf-access-jwt-assertion";
const EDGE = peerOf({ address: "192.0.2.1" });
const edge = { has: (peer: Peer) => peer.address === EDGE.address };

/** Tokens of "bank" come as ever; those of "access" and "proxy" each in a field of their own. */
const ISSUERS = {
  bank: SHARED_BANK,
  access: { ...SHARED_BANK, issuer: "access", header: FIELD },
  proxy: { ...SHARED_BANK, issuer: "proxy", header: "x-auth-request-access-token" },
};

async function prepared(issuers: Members = ISSUERS, section: Members = {}) {
  const stage = await prepareStage({ section: { issuers, ...section }, tools: { clock }, edge });
  return (input: RequestInput): Decision => {
    const context = contextOf({ peer: EDGE, ...input });
    const decision = stage.bind(context.route)?.onHead?.(context);
    if (decision === undefined || decision instanceof Promise) expect.fail("not synchronous");
    return decision;
  };
}

const tokenOf = (iss: string, claims: Members = {}) =>
  sharedToken(clock.nowMs(), { iss, client_id: `caller-of-${iss}`, ...claims });
const inField = (token: string | string[], field: string = FIELD): RequestInput => ({
  headers: { [field]: token },
});
const bearer = (token: string): RequestInput => ({ headers: { authorization: `Bearer ${token}` } });
const accepted = (caller: string) => ({ verdict: "continue", learned: { method: "jwt", caller } });
const refused = (code: string) => ({ verdict: "reject", rejection: { code, status: 401 } });

describe("a token in its issuer's own field", () => {
  test("is verified like any other", async () => {
    const decide = await prepared();
    expect(decide(inField(tokenOf("access")))).toMatchObject(accepted("caller-of-access"));
    const proxied = inField(tokenOf("proxy"), "x-auth-request-access-token");
    expect(decide(proxied)).toMatchObject(accepted("caller-of-proxy"));
    expect(decide(bearer(tokenOf("bank")))).toMatchObject(accepted("caller-of-bank"));
  });

  test.each<[string, string, string]>([
    ["nothing", "", "identity.token_malformed"],
    ["a scheme before it", "Bearer a.b.c", "identity.token_malformed"],
    ["an opaque text", "abc", "identity.token_malformed"],
    ["two in one", "a.b.c,a.b.c", "identity.credentials_ambiguous"],
    ["an API key", "pck_test_abc_def", "identity.token_malformed"],
    ["more than 16 KB", "a".repeat(16_385), "identity.token_malformed"],
  ])("%s is no token: %s", async (_, token, code) => {
    expect((await prepared())(inField(token))).toMatchObject(refused(code));
  });

  test("a forged or expired one is refused as ever", async () => {
    const decide = await prepared();
    const forged = tokenOf("access").replace(/.$/, (last) => (last === "A" ? "E" : "A"));
    expect(decide(inField(forged))).toMatchObject({ verdict: "reject" });
    const expired = tokenOf("access", { exp: Math.floor(clock.nowMs() / 1000) - 60 });
    expect(decide(inField(expired))).toMatchObject(refused("identity.token_expired"));
  });
});

describe("a token in another field than its issuer's", () => {
  const WRONG = refused("identity.issuer_unknown");

  test.each<[string, string, string]>([
    ["of a bearer issuer, in a field of another", "bank", FIELD],
    ["of another field, in this one", "proxy", FIELD],
    ["of this field, in another", "access", "x-auth-request-access-token"],
    ["of this field, as bearer", "access", "authorization"],
  ])("%s is refused", async (_, issuer, field) => {
    const token = tokenOf(issuer);
    const input = field === "authorization" ? bearer(token) : inField(token, field);
    expect((await prepared())(input)).toMatchObject(WRONG);
  });

  test("is refused also when it was good a moment ago where it belongs, and stays good there", async () => {
    const decide = await prepared();
    for (const [right, wrong] of [
      [inField(tokenOf("access")), bearer(tokenOf("access"))],
      [bearer(tokenOf("bank")), inField(tokenOf("bank"))],
    ] as const) {
      const first = decide(right);
      expect(first).toMatchObject({ verdict: "continue" });
      expect(decide(wrong)).toMatchObject(WRONG);
      // The very same decision: it had been remembered.
      expect(decide(right)).toBe(first);
    }
  });

  test("is not used up by it", async () => {
    const issuers = { ...ISSUERS, access: { ...ISSUERS.access, singleUse: true } };
    const decide = await prepared(issuers);
    const token = tokenOf("access", { jti: "once" });
    expect(decide(bearer(token))).toMatchObject(WRONG);
    expect(decide(inField(token))).toMatchObject({ verdict: "continue" });
    expect(decide(inField(token))).toMatchObject(refused("identity.token_invalid"));
  });
});

describe("exactly one credential", () => {
  const AMBIGUOUS = refused("identity.credentials_ambiguous");

  test.each<[string, (token: string) => RequestInput]>([
    [
      "a bearer token beside it",
      (token) => ({ headers: { [FIELD]: token, authorization: `Bearer ${tokenOf("bank")}` } }),
    ],
    [
      "the same token as bearer",
      (token) => ({ headers: { [FIELD]: token, authorization: `Bearer ${token}` } }),
    ],
    [
      "an Authorization of another scheme",
      (token) => ({ headers: { [FIELD]: token, authorization: "Basic YTpi" } }),
    ],
    ["an empty Authorization", (token) => ({ headers: { [FIELD]: token, authorization: "" } })],
    ["an API key", (token) => ({ headers: { [FIELD]: token, "x-api-key": "k" } })],
    ["a token in the query", (token) => ({ ...inField(token), query: "access_token=x" })],
    ["it twice", (token) => inField([token, token])],
    [
      "a token in another field of the kind",
      (token) => ({ headers: { [FIELD]: token, "x-auth-request-access-token": tokenOf("proxy") } }),
    ],
    [
      "an empty field of the kind",
      (token) => ({ headers: { [FIELD]: token, "x-auth-request-access-token": "" } }),
    ],
  ])("%s is one too many", async (_, input) => {
    const decide = await prepared(ISSUERS, { apiKeys: undefined });
    expect(decide(input(tokenOf("access")))).toMatchObject(AMBIGUOUS);
  });

  test("a field that no issuer has is no credential", async () => {
    const decide = await prepared({ bank: SHARED_BANK });
    const both = { [FIELD]: tokenOf("access"), authorization: `Bearer ${tokenOf("bank")}` };
    expect(decide({ headers: both })).toMatchObject(accepted("caller-of-bank"));
    expect(decide(inField(tokenOf("bank")))).toMatchObject(refused("identity.credentials_missing"));
  });
});

describe("from whom it counts", () => {
  const stranger = { peer: peerOf() };

  test("around the edge a token opens nothing, and spoils nothing", async () => {
    const decide = await prepared();
    const around = { ...inField(tokenOf("access")), ...stranger };
    expect(decide(around)).toMatchObject(refused("identity.credentials_missing"));
    // Not even one that came through the edge a moment ago.
    expect(decide(inField(tokenOf("access")))).toMatchObject({ verdict: "continue" });
    expect(decide(around)).toMatchObject(refused("identity.credentials_missing"));
    const both = { [FIELD]: "garbage", authorization: `Bearer ${tokenOf("bank")}` };
    expect(decide({ headers: both, ...stranger })).toMatchObject(accepted("caller-of-bank"));
  });

  test("from anyone, where the operator says so", async () => {
    const access = { ...ISSUERS.access, headerFrom: "anyone" };
    const decide = await prepared({ ...ISSUERS, access });
    const input = { ...inField(tokenOf("access")), ...stranger };
    expect(decide(input)).toMatchObject(accepted("caller-of-access"));
  });

  test("asks at the moment of the request whether the peer still is an edge", async () => {
    const asked: number[] = [];
    const section = { issuers: { access: ISSUERS.access } };
    const watching = { has: (_: Peer, atMs: number) => asked.push(atMs) > 0 };
    const stage = await prepareStage({ section, tools: { clock }, edge: watching });
    clock.advance(5);
    await stage.bind(contextOf().route)?.onHead?.(contextOf(inField(tokenOf("access"))));
    expect(asked).toEqual([clock.nowMs()]);
  });

  test("without an edge to come from, the gateway does not start", async () => {
    const section = { issuers: { access: ISSUERS.access } };
    await expect(prepareStage({ section, tools: { clock } })).rejects.toThrow(
      /issuer access: its tokens come from an edge, but none is listed/,
    );
    const access = { ...ISSUERS.access, headerFrom: "anyone" };
    const stage = await prepareStage({ section: { issuers: { access } }, tools: { clock } });
    expect(stage.name).toBe("identity");
  });

  test("a route without identity ignores it", async () => {
    const routes = { "churn.v2.predict": "none" as const };
    const stage = await prepareStage({
      section: { issuers: ISSUERS },
      routes,
      tools: { clock },
      edge,
    });
    const context = contextOf({ peer: EDGE, ...inField(tokenOf("access")) });
    expect(await stage.bind(context.route)?.onHead?.(context)).toMatchObject({
      learned: { method: "anonymous" },
    });
  });
});

describe("the fields", () => {
  test.each(TOKEN_FIELDS)("%s arrives as it was sent, and never reaches an upstream", (field) => {
    expect(fieldName(field).treatment).toBe("pass");
    const canary = "canary-5ec7e7";
    const head = createRequestHead(undefined)(contextOf(inField(canary, field)));
    expect(head.join("\n")).not.toContain(canary);
  });
});

test("a token as Cloudflare Access issues it, its keys fetched as it serves them", async () => {
  const key = createKey("RS256", "77ab");
  // Beside the key set it serves the same keys as certificates, which count for nothing.
  const document = { ...(JSON.parse(jwksOf(key)) as object), public_cert: {}, public_certs: [] };
  const server = await startKeyServer(answering(JSON.stringify(document)));
  cleanups.push(() => server.close());
  const access = {
    issuer: "https://team.cloudflareaccess.com",
    audience: ["32eafc7626e737aa26a75a73fbd6f64d0e3a8b3a53a7ef8b2b0ac8cd1b5ce1aa"],
    algorithms: ["RS256"],
    jwksUrl: `${server.url}/cdn-cgi/access/certs`,
    typ: ["JWT", "absent"],
    header: FIELD,
    claims: { caller: ["email"] },
    authMethod: "access-passkey",
    rpId: "app.example",
  };
  const decide = await prepared({ access });
  const seconds = Math.floor(clock.nowMs() / 1000);
  const payload = {
    aud: access.audience,
    email: "olga@example.com",
    exp: seconds + 3_600,
    iat: seconds,
    nbf: seconds,
    iss: access.issuer,
    type: "app",
    identity_nonce: "6ei69kawdKzMIAPF",
    sub: "7335d417-61da-459d-899c-0a01c76a2f94",
    country: "BR",
  };
  for (const typ of ["JWT", undefined])
    expect(decide(inField(signToken(key, headerOf(key, { typ }), payload)))).toMatchObject({
      verdict: "continue",
      learned: {
        caller: "olga@example.com",
        subject: payload.sub,
        authMethod: "access-passkey",
        rpId: "app.example",
      },
    });
  expect(server.asked.get("/cdn-cgi/access/certs")).toBe(1);
});
