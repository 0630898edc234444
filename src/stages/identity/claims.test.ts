/** What a token says about its caller, and what it must say. */
import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { contextOf, FrozenClock, type RequestInput } from "../../../test/support/context.ts";
import type { AuthenticatedIdentity } from "../../pipeline/facts.ts";
import type { Decision } from "../../pipeline/stage.ts";
import {
  cleanUp,
  type Members,
  prepareStage,
  SHARED_BANK,
  sharedToken,
} from "./identity-harness.test-support.ts";

let clock: FrozenClock;
beforeEach(() => {
  clock = new FrozenClock();
});
afterEach(cleanUp);

/** Decides one request. */
async function prepared(section: Members = {}) {
  const stage = await prepareStage({
    section: { issuers: { bank: SHARED_BANK }, ...section },
    tools: { clock, environment: "production" },
  });
  return (input: RequestInput): Decision => {
    const context = contextOf(input);
    const decision = stage.bind(context.route)?.onHead?.(context);
    if (decision === undefined || decision instanceof Promise) expect.fail("not synchronous");
    return decision;
  };
}
const tokenOf = (claims?: Members, header?: Members) => sharedToken(clock.nowMs(), claims, header);

const bearer = (credential: string): RequestInput => ({
  headers: { authorization: `Bearer ${credential}` },
});

describe("what a token says", () => {
  test("the claims become the identity", async () => {
    const decide = await prepared();
    const jti = randomUUID();
    const exp = Math.floor(clock.nowMs() / 1000) + 60;
    const token = tokenOf({
      jti,
      exp,
      tenant_id: "retail",
      tenant: "ignored",
      scope: "a b",
      scp: ["ignored"],
      permissions: ["p"],
      groups: ["g"],
      roles: ["r"],
      tier: "gold",
    });
    expect(decide(bearer(token))).toEqual({
      verdict: "continue",
      learned: {
        method: "jwt",
        key: "jwt:bank:c",
        caller: "c",
        subject: "s",
        tenant: "retail",
        issuer: "bank",
        credentialId: jti,
        scopes: new Set(["a", "b"]),
        permissions: new Set(["p"]),
        groups: new Set(["g"]),
        roles: new Set(["r"]),
        tier: "gold",
        expiresAtMs: exp * 1000,
      },
    });
  });

  test("claims of other names and inside objects can be configured", async () => {
    const claims = {
      caller: ["/app/id"],
      roles: ["/realm_access/roles"],
      tenant: ["https://example.bank/tenant"],
      scopes: ["scp"],
    };
    const decide = await prepared({ issuers: { bank: { ...SHARED_BANK, claims } } });
    const token = tokenOf({
      app: { id: "x" },
      realm_access: { roles: ["r"] },
      "https://example.bank/tenant": "t",
      scp: ["a", "b"],
    });
    expect(decide(bearer(token))).toMatchObject({
      learned: { caller: "x", tenant: "t", roles: new Set(["r"]), scopes: new Set(["a", "b"]) },
    });
  });

  test.each<[string, Members, string | undefined, string | undefined]>([
    ["nothing", {}, undefined, undefined],
    ["a text", { amr: "webauthn", rp: "app.example" }, "webauthn", "app.example"],
    ["a list, whose first counts", { amr: ["hwk", "pin"] }, "hwk", undefined],
    ["an empty list", { amr: [] }, undefined, undefined],
    ["null", { amr: null }, undefined, undefined],
  ])("how a person logged in: %s", async (_, said, authMethod, rpId) => {
    const claims = { authMethod: ["amr"], rpId: ["rp"] };
    const decide = await prepared({ issuers: { bank: { ...SHARED_BANK, claims } } });
    const decision = decide(bearer(tokenOf(said)));
    if (decision.verdict !== "continue") expect.fail("refused");
    expect([decision.learned]).toMatchObject([{ caller: "c" }]);
    const { authMethod: method, rpId: party } = decision.learned as AuthenticatedIdentity;
    expect([method, party]).toEqual([authMethod, rpId]);
  });

  test("claims that nobody has named say nothing of it", async () => {
    const { learned } = (await prepared())(bearer(tokenOf({ amr: ["hwk"], rpId: "a" }))) as {
      learned: object;
    };
    for (const name of ["authMethod", "rpId", "isLegacy"]) expect(learned).not.toHaveProperty(name);
  });

  test("what the operator says of an issuer is said of all its tokens, and of no others", async () => {
    const passkey = { authMethod: "access-passkey", rpId: "app.example", legacy: true };
    const decide = await prepared({
      issuers: { bank: SHARED_BANK, old: { ...SHARED_BANK, issuer: "old", ...passkey } },
    });
    expect(decide(bearer(tokenOf({ iss: "old" })))).toMatchObject({
      learned: { authMethod: "access-passkey", rpId: "app.example", isLegacy: true },
    });
    expect(decide(bearer(tokenOf()))).not.toHaveProperty("learned.isLegacy");
  });

  test.each<[string, Members]>([
    ["a number", { amr: 7 }],
    ["an object", { amr: { method: "hwk" } }],
    ["a list with a number", { amr: ["hwk", 7] }],
    ["a list with a list", { amr: [["hwk"]] }],
    ["an empty text", { amr: "" }],
    ["a line break", { amr: ["a\nb"] }],
    ["a relying party that is a list", { rp: ["app.example"] }],
  ])("how a person logged in as %s: refused, not ignored", async (_, said) => {
    const claims = { authMethod: ["amr"], rpId: ["rp"] };
    const decide = await prepared({ issuers: { bank: { ...SHARED_BANK, claims } } });
    expect(decide(bearer(tokenOf(said)))).toMatchObject({
      rejection: { code: "identity.token_invalid" },
    });
  });

  test.each<[string, Members]>([
    ["no caller", { client_id: undefined }],
    ["an empty caller", { client_id: "" }],
    ["a caller that is a number", { client_id: 7 }],
    ["a caller with a line break", { client_id: "a\nb" }],
    ["a caller of 257 characters", { client_id: "c".repeat(257) }],
    ["no subject", { sub: undefined }],
    ["a subject that is a list", { sub: ["s"] }],
    ["a tenant that is an object", { tenant_id: {} }],
    ["roles that are an object", { roles: { admin: true } }],
    ["a role that is a number", { roles: [7] }],
    ["scopes that are a number", { scope: 7 }],
    ["a jti that is a number", { jti: 7 }],
    ["a tier that is true", { tier: true }],
  ])("%s: refused, not ignored", async (_, claims) => {
    const decision = (await prepared())(bearer(tokenOf(claims)));
    expect(decision).toMatchObject({ rejection: { code: "identity.token_invalid" } });
  });

  test("skew: 29 seconds either way pass, 31 do not", async () => {
    const decide = await prepared();
    const now = Math.floor(clock.nowMs() / 1000);
    for (const claims of [{ exp: now - 29 }, { nbf: now + 29 }, { iat: now + 29 }])
      expect(decide(bearer(tokenOf(claims)))).toMatchObject({ verdict: "continue" });
    const late = { code: "identity.token_expired" };
    const early = { code: "identity.token_not_yet_valid" };
    expect(decide(bearer(tokenOf({ exp: now - 31 })))).toMatchObject({ rejection: late });
    expect(decide(bearer(tokenOf({ nbf: now + 31 })))).toMatchObject({ rejection: early });
    expect(decide(bearer(tokenOf({ iat: now + 31 })))).toMatchObject({ rejection: early });
  });

  test("header parameters of an issuer's own pass only where they are named", async () => {
    const token = bearer(tokenOf({}, { "pi.atm": "1" }));
    expect((await prepared())(token)).toMatchObject({ verdict: "reject" });
    const issuers = { bank: { ...SHARED_BANK, headerParameters: ["pi.atm"] } };
    expect((await prepared({ issuers }))(token)).toMatchObject({ verdict: "continue" });
  });

  test("an access token of RFC 9068 needs iat and jti, another type only sub, unless configured", async () => {
    const decide = await prepared();
    const now = Math.floor(clock.nowMs() / 1000);
    const typ = "application/AT+jwt";
    expect(decide(bearer(tokenOf({}, { typ })))).toMatchObject({ verdict: "reject" });
    const whole = tokenOf({ iat: now, jti: "j" }, { typ });
    expect(decide(bearer(whole))).toMatchObject({ verdict: "continue" });
    const issuers = { bank: { ...SHARED_BANK, requiredClaims: ["azp"] } };
    const strict = await prepared({ issuers });
    expect(strict(bearer(whole))).toMatchObject({ verdict: "reject" });
    expect(strict(bearer(tokenOf({ azp: "c" }, { typ })))).toMatchObject({ verdict: "continue" });
  });
});
