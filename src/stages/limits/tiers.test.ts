/** Whose limits a request has, and whom it is counted for. */
import { describe, expect, test } from "vitest";
import {
  ANONYMOUS,
  contextOf,
  identityOf,
  routeOf,
  unmatchedRouteOf,
} from "../../../test/support/context.ts";
import type { Identity } from "../../pipeline/facts.ts";
import type { Decision } from "../../pipeline/stage.ts";
import { MemoryLimitStore } from "../../stores/limits/memory-limit-store.ts";
import { codeOf, stageOf, type Asking } from "./limits-stage.test-support.ts";

describe("whose limit", () => {
  const section = {
    default: { quota: { day: 1 } },
    tiers: { silver: { quota: { day: 2 } }, gold: { quota: { day: 3 } } },
    callers: { batch: "silver", plain: "default" },
  };
  const allowed = (identity: Identity | undefined): number => {
    const { call } = stageOf({ section });
    let passed = 0;
    while (codeOf(call(identity).decision) === "continue") passed++;
    return passed;
  };

  test.each([
    { name: "the tier of the credential", identity: identityOf({ tier: "gold" }), passes: 3 },
    { name: "the tier of the callers table", identity: identityOf({ caller: "batch" }), passes: 2 },
    {
      name: "the credential's tier before the table's",
      identity: identityOf({ caller: "batch", tier: "gold" }),
      passes: 3,
    },
    { name: "the default for everyone else", identity: identityOf(), passes: 1 },
    {
      name: "the default when the table says so",
      identity: identityOf({ caller: "plain" }),
      passes: 1,
    },
    { name: "the default for an unknown tier", identity: identityOf({ tier: "root" }), passes: 1 },
    { name: "the default for `__proto__`", identity: identityOf({ tier: "__proto__" }), passes: 1 },
    { name: "the default for the anonymous", identity: ANONYMOUS, passes: 1 },
  ])("$name", ({ identity, passes }) => {
    expect(allowed(identity)).toBe(passes);
  });

  test("callers, routes and addresses are counted apart", () => {
    const { call } = stageOf({ section });
    expect(codeOf(call(identityOf()).decision)).toBe("continue");
    expect(codeOf(call(identityOf(), "churn.v1.predict").decision)).toBe("continue");
    expect(codeOf(call(identityOf({ caller: "other" })).decision)).toBe("continue");
    expect(codeOf(call(ANONYMOUS).decision)).toBe("continue");
    expect(codeOf(call(identityOf()).decision)).toBe("limits.quota_exhausted");
  });

  test("without an identity the address is counted", () => {
    const { stage } = stageOf({ section });
    const ask = (callerAddress: string): string =>
      codeOf(stage.bind(routeOf())?.onHead?.(contextOf({ callerAddress })) as Decision<"limits">);
    expect(ask("192.0.2.1")).toBe("continue");
    expect(ask("192.0.2.1")).toBe("limits.quota_exhausted");
    expect(ask("192.0.2.2")).toBe("continue");
  });

  test("a total is counted over all routes, and a rotated credential keeps its count", () => {
    const { call } = stageOf({
      section: { default: { rate: "100/s", total: { quota: { day: 2 } } } },
    });
    call(identityOf({ credentialId: "old" }), "churn.v1.predict");
    call(identityOf({ credentialId: "new" }), "churn.v2.predict");
    const { decision } = call(identityOf({ credentialId: "new" }), "fraud.v1.predict");
    expect(codeOf(decision)).toBe("limits.quota_exhausted");
  });

  test("a route changes what it names and keeps the rest; what it says of a tier goes first", () => {
    const { call } = stageOf({
      section: {
        default: { rate: "1000/s", burst: 7, quota: { day: 100, hour: 50 } },
        tiers: { gold: { rate: "1000/s", burst: 70 } },
      },
      routes: {
        "churn.v2.predict": {
          rate: "4/s",
          quota: { hour: 20 },
          tiers: { gold: { rate: "9/s" } },
        },
      },
    });
    expect(call().answer()["ratelimit-policy"]).toBe(
      '"default";q=4;w=1, "default-hour";q=20;w=3600, "default-day";q=100;w=86400',
    );
    expect(call(identityOf({ tier: "gold" })).answer()["ratelimit-policy"]).toBe(
      '"gold";q=9;w=1, "gold-hour";q=20;w=3600',
    );
    expect(call(identityOf(), "other").answer()["x-ratelimit-limit"]).toBe("7");
  });

  test("a tier stated to be unlimited is not counted and has no headers of ours", () => {
    const { call } = stageOf({ section: { tiers: { internal: { unlimited: true } } } });
    const internal = identityOf({ tier: "internal" });
    for (let i = 0; i < 1_000; i++) expect(codeOf(call(internal).decision)).toBe("continue");
    expect(call(internal).answer()["ratelimit"]).toBeUndefined();
  });

  test("paths that match nothing are not this stage's", () => {
    expect(stageOf({}).stage.bind(unmatchedRouteOf())).toBeNull();
  });

  test("an address of IPv6 is its /64, also for the anonymous", () => {
    const { ask } = stageOf({ section });
    const code = (callerAddress: string, identity?: Identity): string =>
      codeOf(ask({ callerAddress, ...(identity && { identity }) }).decision);
    for (const identity of [undefined, { ...ANONYMOUS, key: "anonymous:2001:db8::1" }]) {
      expect(code("2001:db8::1", identity)).toBe("continue");
      expect(code("2001:db8::ffff:ffff:2", identity)).toBe("limits.quota_exhausted");
      expect(code("2001:db8:0:1::1", identity)).toBe("continue");
    }
  });

  test("all keys of one principal share its limits", () => {
    const { call } = stageOf({ section });
    const keys = ["key-1", "key-2", "key-3"].map((credentialId) =>
      identityOf({ method: "api_key", key: "key:core-banking", credentialId }),
    );
    expect(keys.map((identity) => codeOf(call(identity).decision))).toEqual([
      "continue",
      "limits.quota_exhausted",
      "limits.quota_exhausted",
    ]);
  });
});

describe("overrides", () => {
  const section = {
    default: { quota: { day: 1 }, concurrency: 9 },
    tiers: { gold: { quota: { day: 3 } } },
    callers: {
      batch: { quota: { day: 5 } },
      golden: { tier: "gold", concurrency: 2 },
      slow: { quota: { day: 2 } },
      totalled: { total: { quota: { day: 4 } }, quota: { day: 90 } },
    },
    tenants: { retail: { quota: { day: 7 } }, corporate: "gold", private: { tier: "gold" } },
  };
  const passesOf = (input: Parameters<typeof identityOf>[0], routes = {}): number =>
    stageOf({ section, routes }).passes({ identity: identityOf({ tenant: undefined, ...input }) });

  test.each([
    { name: "a caller's limits", identity: { caller: "batch" }, passes: 5 },
    { name: "a caller's tier, and limits over it", identity: { caller: "golden" }, passes: 3 },
    { name: "a tenant's limits", identity: { tenant: "retail" }, passes: 7 },
    { name: "a tenant's tier", identity: { tenant: "corporate" }, passes: 3 },
    { name: "a tenant's tier in the long form", identity: { tenant: "private" }, passes: 3 },
    {
      name: "the caller's before the tenant's",
      identity: { caller: "batch", tenant: "retail" },
      passes: 5,
    },
    {
      name: "the tenant's tier when the caller has none",
      identity: { caller: "totalled", tenant: "corporate" },
      passes: 4,
    },
    {
      name: "limits over the tier that the credential names",
      identity: { caller: "batch", tier: "gold" },
      passes: 5,
    },
    { name: "nothing for a caller called __proto__", identity: { caller: "__proto__" }, passes: 1 },
  ])("$name", ({ identity, passes }) => {
    expect(passesOf(identity)).toBe(passes);
  });

  test("what is said of a caller goes before what is said of the route", () => {
    const routes = { "churn.v2.predict": { quota: { day: 40 } } };
    expect(passesOf({ caller: "slow" }, routes)).toBe(2);
    expect(passesOf({ caller: "nobody" }, routes)).toBe(40);
  });

  test("names of limits stay those of the tier", () => {
    const { call } = stageOf({ section });
    const states = call(identityOf({ caller: "golden" })).context.facts.limits?.states;
    expect(states?.map(({ name }) => name)).toEqual(["gold-day", "gold-concurrency"]);
  });

  test("take effect at once on a reload, and reset nothing", () => {
    const store = new MemoryLimitStore();
    const before = stageOf({ section: { default: { quota: { day: 5 } } }, store });
    expect(before.passes({ identity: identityOf() })).toBe(5);
    const raised = stageOf({
      section: {
        default: { quota: { day: 5 } },
        callers: { "core-banking": { quota: { day: 8 } } },
      },
      store,
    });
    expect(raised.passes({ identity: identityOf() })).toBe(3);
    const lowered = stageOf({ section: { default: { quota: { day: 2 } } }, store });
    expect(lowered.passes({ identity: identityOf() })).toBe(0);
  });
});

describe("shared limits", () => {
  const sharedBy = (by: readonly string[], more: object = {}) =>
    stageOf({
      section: {
        default: { unlimited: true },
        tiers: { gold: { unlimited: true } },
        shared: [{ name: "together", by, quota: { day: 2 }, ...more }],
      },
    });
  const codesOf = (by: readonly string[], asked: readonly Asking[], more?: object): string[] => {
    const { ask } = sharedBy(by, more);
    return asked.map((asking) => codeOf(ask(asking).decision));
  };
  const PASSED = "continue";
  const REFUSED = "limits.quota_exhausted";

  test.each([
    {
      name: "a tenant's callers together",
      by: ["tenant"],
      asked: ["a", "b", "c"].map((caller) => ({ identity: identityOf({ caller }) })),
      codes: [PASSED, PASSED, REFUSED],
    },
    {
      name: "tenants apart",
      by: ["tenant"],
      asked: ["a", "b", "c"].map((tenant) => ({ identity: identityOf({ tenant }) })),
      codes: [PASSED, PASSED, PASSED],
    },
    {
      name: "all that have no tenant together, and with no tenant's name",
      by: ["tenant"],
      asked: [
        { identity: ANONYMOUS },
        {},
        { identity: identityOf({ tenant: undefined }) },
        { identity: identityOf({ tenant: "" }) },
        { identity: identityOf({ tenant: "-" }) },
      ],
      codes: [PASSED, PASSED, REFUSED, PASSED, PASSED],
    },
    {
      name: "the versions of a model apart",
      by: ["model", "version"],
      asked: ["v1", "v1", "v1", "v2"].map((version) => ({
        identity: identityOf(),
        route: { version, id: `churn.${version}` },
      })),
      codes: [PASSED, PASSED, REFUSED, PASSED],
    },
    {
      name: "API keys one by one",
      by: ["key"],
      asked: ["k1", "k1", "k1", "k2"].map((credentialId) => ({
        identity: identityOf({ method: "api_key", key: "key:p", credentialId }),
      })),
      codes: [PASSED, PASSED, REFUSED, PASSED],
    },
    {
      name: "fresh tokens of one caller together",
      by: ["key"],
      asked: ["t1", "t2", "t3"].map((credentialId) => ({ identity: identityOf({ credentialId }) })),
      codes: [PASSED, PASSED, REFUSED],
    },
    {
      name: "the addresses of one IPv6 network together",
      by: ["address"],
      asked: ["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::3"].map(
        (callerAddress) => ({ identity: identityOf({ caller: callerAddress }), callerAddress }),
      ),
      codes: [PASSED, PASSED, REFUSED, PASSED],
    },
    {
      name: "everything together",
      by: [],
      asked: ["a", "b", "c"].map((caller) => ({
        identity: identityOf({ caller, tenant: caller }),
        callerAddress: `192.0.2.${caller.charCodeAt(0)}`,
      })),
      codes: [PASSED, PASSED, REFUSED],
    },
    {
      name: "values that run into one another apart",
      by: ["caller", "tenant"],
      asked: [
        { identity: identityOf({ caller: "a;tenant=1:b", tenant: "c" }) },
        { identity: identityOf({ caller: "a", tenant: "b;tenant=1:c" }) },
        { identity: identityOf({ caller: "a;", tenant: "b" }) },
      ],
      codes: [PASSED, PASSED, PASSED],
    },
  ])("count $name", ({ by, asked, codes }) => {
    expect(codesOf(by, asked)).toEqual(codes);
  });

  test.each([
    { name: "a route", more: { routes: ["r1"] }, counted: { id: "r1" }, spared: { id: "r2" } },
    {
      name: "a model",
      more: { models: ["churn"] },
      counted: { id: "r1" },
      spared: { id: "r2", model: undefined },
    },
  ])("count $name alone where they say so", ({ more, counted, spared }) => {
    const { passes } = sharedBy(["tenant"], more);
    expect(passes({ identity: identityOf(), route: counted }, 9)).toBe(2);
    expect(passes({ identity: identityOf(), route: spared }, 9)).toBe(9);
  });

  test("count a tier alone where they say so, and else also those without limits", () => {
    const gold = identityOf({ tier: "gold" });
    expect(sharedBy(["tenant"], { tiers: ["gold"] }).passes({ identity: gold }, 9)).toBe(2);
    expect(sharedBy(["tenant"], { tiers: ["gold"] }).passes({ identity: identityOf() }, 9)).toBe(9);
    expect(sharedBy(["tenant"]).passes({ identity: identityOf() }, 9)).toBe(2);
  });

  test("are decided with all others: what they refuse spends nothing, and they spend nothing on what others refuse", () => {
    const { call, clock } = stageOf({
      section: {
        default: { rate: "1/10s", total: { quota: { day: 3 } } },
        shared: [{ name: "together", by: ["tenant"], quota: { day: 2 } }],
      },
    });
    call();
    for (let i = 0; i < 3; i++) expect(codeOf(call().decision)).toBe("limits.bucket_empty");
    clock.advance(10_000);
    expect(codeOf(call().decision)).toBe(PASSED);
    clock.advance(10_000);
    const { decision, context } = call();
    expect(decision).toMatchObject({ rejection: { cause: 'limit "together-day" of 2 is spent' } });
    expect(context.facts.limits?.states).toMatchObject([
      { name: "default", remaining: 1 },
      { name: "default-total-day", remaining: 1 },
      { name: "together-day", remaining: 0 },
    ]);
  });
});
