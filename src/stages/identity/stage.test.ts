/** Which credential counts, and what a caller is told whose credential does not. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  contextOf,
  FrozenClock,
  type RequestInput,
  unmatchedRouteOf,
} from "../../../test/support/context.ts";
import type { Decision } from "../../pipeline/stage.ts";
import { openEmbeddedKeyStore } from "../../stores/keys/embedded-key-store.ts";
import { mintKeyParts } from "../../stores/keys/key-format.ts";
import type { KeyStore } from "../../stores/keys/key-store.ts";
import type { RouteIdentity } from "./config.ts";
import {
  cleanups,
  cleanUp,
  type Members,
  prepareStage,
  SHARED_BANK,
  sharedToken,
} from "./identity-harness.test-support.ts";

let clock: FrozenClock;
let keys: KeyStore;

beforeEach(() => {
  clock = new FrozenClock();
  keys = openEmbeddedKeyStore({ path: ":memory:", clock, isWatching: false });
  cleanups.push(() => keys.close());
});
afterEach(cleanUp);

/** Decides one request; tokens of SHARED_BANK and API keys are accepted unless the section says otherwise. */
async function prepared(section: Members = {}, routes: Record<string, RouteIdentity> = {}) {
  const stage = await prepareStage({
    section: { issuers: { bank: SHARED_BANK }, apiKeys: {}, ...section },
    routes,
    tools: { clock, keys, environment: "production" },
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
const withKey = (key: string): RequestInput => ({ headers: { "x-api-key": key } });

describe("which credential counts", () => {
  test.each<[string, RequestInput]>([
    ["Bearer in any case", { headers: { authorization: "bEaReR TOKEN" } }],
    ["Bearer with more than one space", { headers: { authorization: "Bearer   TOKEN" } }],
    ["an API key as bearer token", { headers: { authorization: "Bearer KEY" } }],
    ["an API key under its own scheme", { headers: { authorization: "apikey KEY" } }],
    ["an API key in its own field", { headers: { "x-api-key": "KEY" } }],
    [
      "a token beside other query parameters",
      { headers: { authorization: "Bearer TOKEN" }, query: "my_access_token=1&access_tokens=2" },
    ],
  ])("%s is accepted", async (_, input) => {
    const decide = await prepared();
    const key = keys.create({ name: "nightly", owner: "core-banking" }).reveal();
    const headers = Object.fromEntries(
      Object.entries(input.headers ?? {}).map(([name, value]) => [
        name,
        String(value).replace("TOKEN", tokenOf()).replace("KEY", key),
      ]),
    );
    expect(decide({ ...input, headers })).toMatchObject({ verdict: "continue" });
  });

  test.each<[string, RequestInput, string]>([
    ["nothing at all", {}, "identity.credentials_missing"],
    ["Basic", { headers: { authorization: "Basic YTpi" } }, "identity.credentials_missing"],
    ["an empty Authorization", { headers: { authorization: "" } }, "identity.credentials_missing"],
    ["two API keys", { headers: { "x-api-key": ["a", "b"] } }, "identity.credentials_ambiguous"],
    [
      "a token and an empty API key",
      { headers: { authorization: "Bearer x", "x-api-key": "" } },
      "identity.credentials_ambiguous",
    ],
    [
      "two bearer tokens",
      { headers: { authorization: ["Bearer a.b.c", "Bearer a.b.c"] } },
      "identity.credentials_ambiguous",
    ],
    [
      "an API key and a token in the query",
      { headers: { "x-api-key": "x" }, query: "access_token=x" },
      "identity.credentials_ambiguous",
    ],
    ["an empty API key", { headers: { "x-api-key": "" } }, "identity.key_malformed"],
    ["an opaque token", bearer("abc"), "identity.token_malformed"],
  ])("%s: %s", async (_, input, code) => {
    expect((await prepared())(input)).toMatchObject({
      verdict: "reject",
      rejection: { code, status: 401 },
    });
  });

  test("a route without identity gives an anonymous one, whatever is sent; others stay closed", async () => {
    const decide = await prepared({}, { "churn.v2.predict": "none" });
    expect(decide(bearer("garbage"))).toEqual({
      verdict: "continue",
      learned: { method: "anonymous", key: "anonymous:192.0.2.10" },
    });
    const closed = await prepared({}, { "another.route": "none" });
    expect(closed({})).toMatchObject({ verdict: "reject" });
  });

  test("a path that matches nothing is not asked for a credential", async () => {
    const stage = await prepareStage({ section: {}, tools: { clock } });
    expect(stage.bind(unmatchedRouteOf())).toBeNull();
  });

  test("accepting API keys without a store is a mistake of the start", async () => {
    const preparing = prepareStage({ section: { apiKeys: {} }, tools: { clock } });
    await expect(preparing).rejects.toThrow(/no store/);
  });
});

describe("what a refused caller is told", () => {
  const challengeOf = (decision: Decision) =>
    decision.verdict === "reject" ? decision.rejection.headers : undefined;

  test("without a credential: which ones there are, and no error code", async () => {
    expect(challengeOf((await prepared())({}))).toEqual([
      "www-authenticate",
      'Bearer realm="portcullis", ApiKey realm="portcullis"',
    ]);
    const keysOnly = await prepared({ issuers: {}, realm: "models" });
    expect(challengeOf(keysOnly({}))).toEqual(["www-authenticate", 'ApiKey realm="models"']);
  });

  test("with two: invalid_request; with a bad token: invalid_token and why, without its content", async () => {
    const decide = await prepared();
    const two = decide({ headers: { authorization: "Bearer a", "x-api-key": "b" } });
    expect(challengeOf(two)?.[1]).toBe('Bearer realm="portcullis", error="invalid_request"');
    const seconds = Math.floor(clock.nowMs() / 1000);
    const expired = decide(bearer(tokenOf({ exp: seconds - 31 })));
    expect(expired).toMatchObject({ rejection: { code: "identity.token_expired" } });
    expect(challengeOf(expired)?.[1]).toBe(
      'Bearer realm="portcullis", error="invalid_token", error_description="The access token has expired."',
    );
  });

  test("a cause never repeats a credential, and quotes what it names from one", async () => {
    const decide = await prepared();
    const secret = mintKeyParts().secret;
    for (const input of [
      bearer(tokenOf({ iss: `evil\nline ${"x".repeat(500)}` })),
      bearer(tokenOf({}, { kid: "a\u001b[2Jb", alg: "ES256\n" })),
      withKey(`pck_live_0000000000_${secret}000000`),
    ]) {
      const decision = decide(input);
      const cause = decision.verdict === "reject" ? (decision.rejection.cause ?? "") : "";
      expect(cause).not.toBe("");
      expect(cause.length).toBeLessThan(150);
      expect(cause).not.toMatch(/\p{Cc}/u);
      expect(cause).not.toContain(secret);
    }
  });
});
