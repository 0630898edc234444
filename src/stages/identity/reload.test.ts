/** What a new configuration takes over from the one before it. */
import { afterEach, describe, expect, test } from "vitest";
import { contextOf, FrozenClock } from "../../../test/support/context.ts";
import type { PreparedStage } from "../../pipeline/stage.ts";
import {
  answering,
  cleanups,
  cleanUp,
  createKey,
  ISSUER,
  jwksOf,
  type KeyServer,
  type Members,
  prepareStage,
  startKeyServer,
  tokenOf,
} from "./identity-harness.test-support.ts";

afterEach(cleanUp);

const first = createKey("ES256", "first");
const PASSES = { verdict: "continue" };
const REFUSED = { verdict: "reject", rejection: { code: "identity.token_invalid", status: 401 } };
const UNAVAILABLE = expect.objectContaining({ code: "identity.keys_unavailable" }) as Error;

describe("a reload of the configuration", () => {
  const bankOf = (server: KeyServer, changes: Members = {}) => ({
    bank: {
      issuer: ISSUER,
      audience: ["inference"],
      algorithms: ["ES256"],
      jwksUrl: server.url,
      singleUse: true,
      ...changes,
    },
  });

  test("keeps keys and used tokens while the key server is down, but only of the same source", async () => {
    const clock = new FrozenClock();
    const server = await startKeyServer(answering(jwksOf(first)));
    cleanups.push(() => server.close());
    const decideWith = (stage: PreparedStage<"identity">, token: string) => {
      const context = contextOf({ headers: { authorization: `Bearer ${token}` } });
      return stage.bind(context.route)?.onHead?.(context) ?? expect.fail("no decision");
    };
    const before = await prepareStage({ section: { issuers: bankOf(server) }, tools: { clock } });
    const used = tokenOf(first, { nowMs: clock.nowMs() });
    expect(decideWith(before, used)).toMatchObject(PASSES);
    clock.advance(60_000);
    server.answer = answering("", 500);
    const tools = { clock, previous: before };
    const issuers = bankOf(server, { audience: ["inference", "models"] });
    const after = await prepareStage({ section: { issuers }, tools });
    expect(decideWith(after, tokenOf(first, { nowMs: clock.nowMs() }))).toMatchObject(PASSES);
    expect(decideWith(after, used)).toMatchObject(REFUSED);
    // Not a day from the reload, but from when the keys were last had.
    clock.advance(86_400_000 - 30_000);
    await expect(async () =>
      decideWith(after, tokenOf(first, { nowMs: clock.nowMs() })),
    ).rejects.toThrow(UNAVAILABLE);
    const elsewhere = bankOf(server, { jwksUrl: `${server.url}/elsewhere` });
    const moved = await prepareStage({
      section: { issuers: elsewhere },
      tools: { clock, previous: before },
    });
    expect(() => decideWith(moved, tokenOf(first, { nowMs: clock.nowMs() }))).toThrow(UNAVAILABLE);
  });

  test("keys that do not fit the new configuration are not taken over", async () => {
    const clock = new FrozenClock();
    const server = await startKeyServer(answering(jwksOf(first)));
    cleanups.push(() => server.close());
    const before = await prepareStage({ section: { issuers: bankOf(server) }, tools: { clock } });
    const issuers = bankOf(server, { algorithms: ["RS256"] });
    const after = await prepareStage({ section: { issuers }, tools: { clock, previous: before } });
    expect(after.name).toBe("identity");
  });
});
