/** API keys at the door: the identity they give, and the one answer to all that do not. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { contextOf, FrozenClock, type RequestInput } from "../../../test/support/context.ts";
import type { Decision } from "../../pipeline/stage.ts";
import { openEmbeddedKeyStore } from "../../stores/keys/embedded-key-store.ts";
import { formatKey, mintKeyParts, parseKey } from "../../stores/keys/key-format.ts";
import type { IssuedKey, KeyDraft, KeyStore } from "../../stores/keys/key-store.ts";
import { cleanups, cleanUp, type Members, prepareStage } from "./identity-harness.test-support.ts";

const HOUR_MS = 3_600_000;

let clock: FrozenClock;
let keys: KeyStore;

beforeEach(() => {
  clock = new FrozenClock();
  keys = openEmbeddedKeyStore({ path: ":memory:", clock, isWatching: false });
  cleanups.push(() => keys.close());
});
afterEach(cleanUp);

/** Decides one request; tokens of SHARED_BANK and API keys are accepted unless the section says otherwise. */
async function prepared(section: Members = {}) {
  const stage = await prepareStage({
    section: { apiKeys: {}, ...section },
    tools: { clock, keys, environment: "production" },
  });
  return (input: RequestInput): Decision => {
    const context = contextOf(input);
    const decision = stage.bind(context.route)?.onHead?.(context);
    if (decision === undefined || decision instanceof Promise) expect.fail("not synchronous");
    return decision;
  };
}
const withKey = (key: IssuedKey | string): RequestInput => ({
  headers: { "x-api-key": typeof key === "string" ? key : key.reveal() },
});

const DRAFT: KeyDraft = {
  name: "nightly",
  owner: "core-banking",
  tenant: "retail",
  scopes: ["predict:churn"],
  roles: ["scorer"],
  tier: "gold",
};

describe("an API key", () => {
  test("gives the identity it was made for, the same object each time, and notes its use", async () => {
    const decide = await prepared();
    const key = keys.create(DRAFT);
    const decision = decide(withKey(key));
    expect(decision).toEqual({
      verdict: "continue",
      learned: {
        method: "api_key",
        key: `key:${key.record.id}`,
        caller: "core-banking",
        subject: "nightly",
        tenant: "retail",
        issuer: undefined,
        credentialId: key.record.id,
        scopes: new Set(["predict:churn"]),
        permissions: new Set(),
        groups: new Set(),
        roles: new Set(["scorer"]),
        tier: "gold",
        expiresAtMs: clock.nowMs() + 90 * 24 * HOUR_MS,
      },
    });
    expect(decide(withKey(key))).toBe(decision);
    expect(keys.list()[0]?.lastUsedAtMs).toBe(clock.nowMs());
  });

  test("rotated: both secrets work for the same principal, until the grace period ends", async () => {
    const decide = await prepared();
    const old = keys.create(DRAFT);
    const fresh = keys.rotate(old.record.id, { graceMs: HOUR_MS });
    for (const key of [old, fresh])
      expect(decide(withKey(key))).toMatchObject({ learned: { key: `key:${old.record.id}` } });
    clock.advance(HOUR_MS);
    expect(decide(withKey(old))).toMatchObject({ rejection: { code: "identity.key_expired" } });
    expect(decide(withKey(fresh))).toMatchObject({ verdict: "continue" });
  });

  const FAILURES: readonly [string, string, () => string][] = [
    ["malformed", "identity.key_malformed", () => "pck_live_nonsense"],
    [
      "with a typing error",
      "identity.key_malformed",
      () => {
        const text = keys.create(DRAFT).reveal();
        return text.slice(0, 30) + (text[30] === "a" ? "b" : "a") + text.slice(31);
      },
    ],
    ["unknown", "identity.key_unknown", () => formatKey(mintKeyParts())],
    [
      "with another key's secret",
      "identity.key_invalid",
      () => {
        const { id = "" } = parseKey(keys.create(DRAFT).reveal()) ?? {};
        return formatKey({ ...mintKeyParts(), id });
      },
    ],
    [
      "revoked",
      "identity.key_revoked",
      () => {
        const key = keys.create(DRAFT);
        keys.revoke(key.record.id);
        return key.reveal();
      },
    ],
    [
      "expired",
      "identity.key_expired",
      () => {
        const key = keys.create({ ...DRAFT, lifetimeMs: 1_000 });
        clock.advance(1_000);
        return key.reveal();
      },
    ],
    [
      "not valid yet",
      "identity.key_invalid",
      () => keys.create({ ...DRAFT, notBeforeMs: clock.nowMs() + 1 }).reveal(),
    ],
    [
      "used from another network",
      "identity.key_invalid",
      () => keys.create({ ...DRAFT, addresses: ["10.0.0.0/8", "2001:db8::/32"] }).reveal(),
    ],
  ];

  test.each(FAILURES)("%s: recorded as %s", async (_, code, make) => {
    const decide = await prepared();
    expect(decide(withKey(make()))).toMatchObject({ verdict: "reject", rejection: { code } });
  });

  test("every failure reads the same to the caller", async () => {
    const decide = await prepared();
    const answers = FAILURES.map(([, , make]) => {
      const decision = decide(withKey(make()));
      if (decision.verdict !== "reject") expect.fail("accepted");
      const { status, family, reason, message, headers, violations } = decision.rejection;
      return JSON.stringify({ status, family, reason, message, headers, violations });
    });
    expect(new Set(answers).size).toBe(1);
    expect(answers[0]).toContain("identity.key_invalid");
  });

  test("from one of its networks it is accepted, mapped addresses included", async () => {
    const decide = await prepared();
    const key = keys.create({ ...DRAFT, addresses: ["10.0.0.0/8", "2001:db8::/32"] });
    for (const callerAddress of ["10.1.2.3", "2001:db8::7"])
      expect(decide({ ...withKey(key), callerAddress })).toMatchObject({ verdict: "continue" });
  });

  test("where keys are not accepted, a good one is refused like a bad one", async () => {
    const decide = await prepared({ apiKeys: undefined });
    expect(decide(withKey(keys.create(DRAFT)))).toMatchObject({
      rejection: { code: "identity.key_invalid", reason: "identity.key_invalid" },
    });
  });
});
