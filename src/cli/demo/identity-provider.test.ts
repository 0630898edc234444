import { createRemoteJWKSet, decodeJwt, jwtVerify } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CORE_BANKING, DEMO_CALLERS, PREDICT_SCOPE } from "./demo-callers.ts";
import { AUDIENCE, type IdentityProvider, startIdentityProvider } from "./identity-provider.ts";

let provider: IdentityProvider;
let keys: ReturnType<typeof createRemoteJWKSet>;

beforeAll(async () => {
  provider = await startIdentityProvider(DEMO_CALLERS);
  keys = createRemoteJWKSet(new URL(provider.jwksUrl));
});
afterAll(() => provider.close());

const verify = (token: string) =>
  jwtVerify(token, keys, { issuer: provider.issuer, audience: AUDIENCE, typ: "at+jwt" });

describe("client_credentials", () => {
  test.each(DEMO_CALLERS)("$name gets an ES256 access token for its tenant", async (caller) => {
    const { payload, protectedHeader } = await verify(
      await provider.fetchToken(caller, caller.scopes),
    );
    expect(protectedHeader).toMatchObject({ alg: "ES256", typ: "at+jwt" });
    expect(payload).toMatchObject({
      client_id: caller.name,
      sub: caller.name,
      tenant_id: caller.tenant,
      scope: PREDICT_SCOPE,
    });
    expect(payload.jti).toBeTypeOf("string");
    expect((payload.exp as number) - (payload.iat as number)).toBe(3600);
  });

  test("who asks for no scope gets none", async () => {
    const { payload } = await verify(await provider.fetchToken(CORE_BANKING, []));
    expect(payload["scope"]).toBeUndefined();
  });

  test("a scope that the caller may not have is left out", async () => {
    const { payload } = await verify(await provider.fetchToken(CORE_BANKING, ["admin:all"]));
    expect(payload["scope"]).toBeUndefined();
  });

  test("a wrong secret is refused, and the key set shows public keys only", async () => {
    const response = await fetch(provider.tokenUrl, {
      method: "POST",
      headers: { authorization: `Basic ${btoa("core-banking:wrong")}` },
      body: new URLSearchParams({ grant_type: "client_credentials" }),
    });
    expect(response.status).toBe(401);
    const published = (await (await fetch(provider.jwksUrl)).json()) as { keys: object[] };
    expect(published.keys).toHaveLength(1);
    expect(Object.keys(published.keys[0] as object)).not.toContain("d");
  });
});

describe("minted tokens", () => {
  test("a plain one verifies like one that was given out", async () => {
    const { payload } = await verify(await provider.mintToken({ caller: CORE_BANKING }));
    expect(payload).toMatchObject({ client_id: "core-banking", tenant_id: "retail" });
  });

  test.each([
    ["expired", { lifetimeSeconds: -120 }, "ERR_JWT_EXPIRED"],
    ["for another audience", { audience: "billing" }, "ERR_JWT_CLAIM_VALIDATION_FAILED"],
    ["from another issuer", { issuer: "https://other" }, "ERR_JWT_CLAIM_VALIDATION_FAILED"],
    ["signed by a stranger", { isForeignKey: true }, "ERR_JWKS_NO_MATCHING_KEY"],
  ])("one that is %s does not verify", async (_, wrong, code) => {
    const token = await provider.mintToken({ caller: CORE_BANKING, ...wrong });
    await expect(verify(token)).rejects.toMatchObject({ code });
  });

  test("an expired one was issued before it expired", async () => {
    const token = await provider.mintToken({ caller: CORE_BANKING, lifetimeSeconds: -120 });
    const { iat, exp } = decodeJwt(token) as { iat: number; exp: number };
    expect(iat).toBeLessThan(exp);
    expect(exp).toBeLessThan(Date.now() / 1000 - 100);
  });
});
