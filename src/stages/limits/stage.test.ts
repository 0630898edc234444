/** The limits stage on a real memory store and a frozen clock. */
import { describe, expect, test } from "vitest";
import {
  ANONYMOUS,
  contextOf,
  FrozenClock,
  identityOf,
  NOON_MS,
  routeOf,
  unmatchedRouteOf,
  type TestContext,
} from "../../../test/support/context.ts";
import type { Identity } from "../../pipeline/facts.ts";
import { Fault } from "../../pipeline/rejection.ts";
import { applyEdits, headerValue } from "../../pipeline/response.ts";
import type { Decision, StageHandlers } from "../../pipeline/stage.ts";
import type { LimitStore } from "../../stores/limits/limit-store.ts";
import { MemoryLimitStore } from "../../stores/limits/memory-limit-store.ts";
import { limitsSchema, routeLimitsSchema } from "./config.ts";
import { limits } from "./stage.ts";

interface Setup {
  readonly section?: object;
  readonly routes?: Readonly<Record<string, object>>;
  readonly store?: LimitStore;
  /** Whether the constitution is told of refusals on the route of most tests. */
  readonly isLeft?: boolean;
}

/** The stage as the gateway would make it, with what a test needs to play caller, clock and runner. */
function stageOf({ section = {}, routes = {}, store = new MemoryLimitStore(), isLeft }: Setup) {
  const clock = new FrozenClock();
  const config = {
    ...limitsSchema.parse(section),
    routes: new Map(
      Object.entries(routes).map(([id, settings]) => [id, routeLimitsSchema.parse(settings)]),
    ),
    leftToConstitution: isLeft ? new Set(["churn.v2.predict"]) : undefined,
  };
  const stage = limits(config, { store, clock });
  const bound = new Map<string, StageHandlers<"limits">>();
  const handlersOf = (id: string): StageHandlers<"limits"> => {
    const handlers = bound.get(id) ?? stage.bind(routeOf({ id }));
    if (!handlers) throw new Error("not bound");
    bound.set(id, handlers);
    return handlers;
  };

  const start = (identity: Identity | undefined = identityOf(), id = "churn.v2.predict") => {
    const handlers = handlersOf(id);
    const context = contextOf({ ...(identity && { identity }), route: { id } });
    const decision = handlers.onHead?.(context) as Decision<"limits">;
    if (decision.verdict !== "answer" && decision.learned) context.facts.limits = decision.learned;
    const end = () => handlers.onEnd?.(context, { status: 200, wasForwarded: true });
    return { context, decision, end, answer: () => answerOf(handlers, context, decision) };
  };
  const call = (identity?: Identity, id?: string) => {
    const running = start(identity, id);
    running.end();
    return running;
  };
  return { stage, clock, start, call };
}

/** The headers of the answer, as the runner would put them together. */
function answerOf(
  handlers: StageHandlers<"limits">,
  context: TestContext,
  decision: Decision<"limits">,
): Record<string, string | undefined> {
  const headers =
    decision.verdict === "reject"
      ? [...(decision.rejection.headers ?? [])]
      : ["x-ratelimit-limit", "9"];
  applyEdits(headers, handlers.decorate?.(context, 200) ?? []);
  return Object.fromEntries(
    [
      "x-ratelimit-limit",
      "x-ratelimit-remaining",
      "x-ratelimit-reset",
      "ratelimit",
      "ratelimit-policy",
    ].map((name) => [name, headerValue(headers, name)]),
  );
}

const codeOf = (decision: Decision<"limits">): string =>
  decision.verdict === "reject" ? decision.rejection.code : decision.verdict;
const retryOf = (decision: Decision<"limits">): number | undefined =>
  decision.verdict === "reject" ? decision.rejection.retryAfterSeconds : undefined;

describe("decisions", () => {
  test("a burst passes, the next request is refused with the time after which one passes", () => {
    const { call, clock } = stageOf({ section: { default: { rate: "2/10s", burst: 3 } } });
    for (let i = 0; i < 3; i++) expect(codeOf(call().decision)).toBe("continue");
    const { decision } = call();
    expect(codeOf(decision)).toBe("limits.bucket_empty");
    expect(decision.verdict === "reject" && decision.rejection.status).toBe(429);
    expect(retryOf(decision)).toBe(5);
    clock.advance(4_999);
    expect(retryOf(call().decision)).toBe(1);
    clock.advance(1);
    expect(codeOf(call().decision)).toBe("continue");
  });

  test.each([
    { window: "minute", retry: 60 },
    { window: "hour", retry: 3_600 },
    { window: "day", retry: 12 * 3_600 },
  ])("a spent quota a $window is refused until its UTC window ends", ({ window, retry }) => {
    const { call, clock } = stageOf({ section: { default: { quota: { [window]: 1 } } } });
    call();
    const { decision } = call();
    expect(codeOf(decision)).toBe("limits.quota_exhausted");
    expect(retryOf(decision)).toBe(retry);
    clock.advance(retry * 1_000);
    expect(codeOf(call().decision)).toBe("continue");
  });

  test("one request too many at the same time is refused, and passes once another has ended", () => {
    const { start } = stageOf({ section: { default: { concurrency: 2 } } });
    const first = start();
    start();
    const third = start();
    expect(codeOf(third.decision)).toBe("limits.concurrency_exceeded");
    expect(retryOf(third.decision)).toBe(1);
    third.end();
    expect(codeOf(start().decision)).toBe("limits.concurrency_exceeded");
    first.end();
    first.end();
    expect(codeOf(start().decision)).toBe("continue");
    expect(codeOf(start().decision)).toBe("limits.concurrency_exceeded");
  });

  test("the end of a request that never reached this stage releases nothing", () => {
    const { start, stage } = stageOf({ section: { default: { concurrency: 1 } } });
    start();
    stage.bind(routeOf())?.onEnd?.(contextOf(), { status: 401, wasForwarded: false });
    expect(codeOf(start().decision)).toBe("limits.concurrency_exceeded");
  });

  test("a refusal by one limit spends none of the others", () => {
    const { call, clock } = stageOf({
      section: { default: { rate: "1/10s", burst: 1, quota: { day: 4 } } },
    });
    for (let spent = 0; spent < 3; spent++) {
      expect(codeOf(call().decision)).toBe("continue");
      for (let i = 0; i < 5; i++) expect(codeOf(call().decision)).toBe("limits.bucket_empty");
      clock.advance(10_000);
    }
    expect(codeOf(call().decision)).toBe("continue");
    expect(codeOf(call().decision)).toBe("limits.quota_exhausted");
  });

  test("the cause names the limit for the operator; the caller's message does not", () => {
    const { call } = stageOf({ section: { tiers: { gold: { quota: { hour: 1 } } } } });
    const gold = identityOf({ tier: "gold" });
    call(gold);
    const { decision } = call(gold);
    if (decision.verdict !== "reject") throw new Error("not refused");
    expect(decision.rejection.cause).toBe('limit "gold-hour" of 1 is spent');
    expect(decision.rejection.message).not.toContain("gold");
  });

  test("a store that is down is a fault, not a pass", () => {
    const down = (): never => {
      throw new Fault("limits.store_unavailable", "store down");
    };
    const { start } = stageOf({ store: { decide: down, release: () => {} } });
    expect(() => start()).toThrow(Fault);
  });

  test("a store that answers later is waited for, and its lease released once", async () => {
    const memory = new MemoryLimitStore();
    const released: object[] = [];
    const store: LimitStore = {
      decide: async (...asked) => memory.decide(...asked),
      release: (lease) => {
        released.push(lease);
        memory.release(lease);
      },
    };
    const { start } = stageOf({ section: { default: { concurrency: 1 } }, store });
    const settled = (decision: unknown) => decision as Promise<Decision<"limits">>;
    const { context, decision: pending, end } = start();
    const decision = await settled(pending);
    if (decision.verdict !== "continue" || !decision.learned) throw new Error("refused");
    context.facts.limits = decision.learned;
    end();
    end();
    expect(released).toHaveLength(1);
    expect(codeOf(await settled(start().decision))).toBe("continue");
  });
});

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
});

describe("headers", () => {
  const noonSeconds = NOON_MS / 1_000;

  test("an allowed answer shows the tightest limit first, in place of what the upstream says", () => {
    const { call } = stageOf({
      section: { default: { rate: "10/s", burst: 60, concurrency: 2, quota: { minute: 5 } } },
    });
    expect(call().answer()).toEqual({
      "x-ratelimit-limit": "5",
      "x-ratelimit-remaining": "4",
      "x-ratelimit-reset": String(noonSeconds + 60),
      ratelimit: '"default-minute";r=4;t=60, "default";r=59;t=1, "default-concurrency";r=1',
      "ratelimit-policy":
        '"default-minute";q=5;w=60, "default";q=60;w=6, "default-concurrency";q=2;qu="concurrent-requests"',
    });
  });

  test("a refusal shows the limit that refused, and all of Retry-After, t and Reset name one moment", () => {
    const { call, clock } = stageOf({
      section: { default: { rate: "1/30s", burst: 2, quota: { day: 2 } } },
      routes: { "churn.v2.predict": { quota: { day: 100 } } },
    });
    clock.advance(400);
    call();
    call();
    clock.advance(200);
    const refused = call();
    expect(retryOf(refused.decision)).toBe(30);
    expect(refused.answer()).toEqual({
      "x-ratelimit-limit": "2",
      "x-ratelimit-remaining": "0",
      "x-ratelimit-reset": String(noonSeconds + 31),
      ratelimit: '"default";r=0;t=30, "default-day";r=98;t=43200',
      "ratelimit-policy": '"default";q=2;w=60, "default-day";q=100;w=86400',
    });
  });

  test("with nothing but concurrency, that is shown", () => {
    const { start } = stageOf({ section: { default: { concurrency: 3 } } });
    expect(start().answer()).toMatchObject({
      "x-ratelimit-limit": "3",
      "x-ratelimit-remaining": "2",
      ratelimit: '"default-concurrency";r=2;t=0',
    });
  });

  test("the prefix is the operator's", () => {
    const { call, stage } = stageOf({ section: { header: "X-Bank-Quota" } });
    const { context } = call();
    const headers: string[] = [];
    applyEdits(headers, stage.bind(routeOf())?.decorate?.(context, 200) ?? []);
    expect(headers.filter((text) => text.startsWith("x-"))).toEqual([
      "x-bank-quota-limit",
      "x-bank-quota-remaining",
      "x-bank-quota-reset",
    ]);
  });

  test("a request that was refused before it got here has no headers of ours", () => {
    const { stage } = stageOf({});
    expect(stage.bind(routeOf())?.decorate?.(contextOf(), 401)).toEqual([]);
  });

  test("the recorded fact names every limit", () => {
    const { call } = stageOf({ section: { default: { rate: "2/s", quota: { day: 9 } } } });
    expect(call().context.facts.limits?.states).toEqual([
      { name: "default", limit: 2, remaining: 1, resetSeconds: 1 },
      { name: "default-day", limit: 9, remaining: 8, resetSeconds: 43_200 },
    ]);
  });
});

describe("a refusal that is left to the constitution", () => {
  const section = { default: { rate: "1/10s", burst: 1, quota: { day: 9 } } };

  test("is told, not said, and spends nothing", () => {
    const { call, clock } = stageOf({ section, isLeft: true });
    call();
    for (let i = 0; i < 3; i++) {
      const { decision, context } = call();
      expect(codeOf(decision)).toBe("continue");
      expect(context.facts.limits?.refusal).toMatchObject({
        code: "limits.bucket_empty",
        status: 429,
        retryAfterSeconds: 10,
      });
    }
    clock.advance(10_000);
    const { context } = call();
    expect(context.facts.limits?.refusal).toBeUndefined();
    expect(context.facts.limits?.states).toMatchObject([{ remaining: 0 }, { remaining: 7 }]);
  });

  test("takes no place among the running, and gives none back", () => {
    const { start } = stageOf({ section: { default: { concurrency: 1 } }, isLeft: true });
    const running = start();
    const refused = start();
    expect(refused.context.facts.limits?.refusal?.code).toBe("limits.concurrency_exceeded");
    refused.end();
    expect(start().context.facts.limits?.refusal).toBeDefined();
    running.end();
    expect(start().context.facts.limits?.refusal).toBeUndefined();
  });

  test("stands in the headers of whatever is answered", () => {
    const { call } = stageOf({ section, isLeft: true });
    call();
    expect(call().answer()).toMatchObject({
      "x-ratelimit-limit": "1",
      "x-ratelimit-remaining": "0",
      ratelimit: '"default";r=0;t=10, "default-day";r=8;t=43200',
    });
  });

  test("is said on every other route", () => {
    const { call } = stageOf({ section, isLeft: true });
    call(identityOf(), "other");
    const { decision } = call(identityOf(), "other");
    expect(codeOf(decision)).toBe("limits.bucket_empty");
  });

  test("that is said leaves where the caller stands, and no refusal for a pack to deny by", () => {
    const { call } = stageOf({ section });
    call();
    const { context, decision } = call();
    expect(codeOf(decision)).toBe("limits.bucket_empty");
    expect(context.facts.limits?.refusal).toBeUndefined();
    expect(context.facts.limits?.states).toMatchObject([{ remaining: 0 }, { remaining: 8 }]);
  });

  test("a tier stated to be unlimited was judged too", () => {
    const { call } = stageOf({ section: { default: { unlimited: true } }, isLeft: true });
    expect(call().context.facts.limits).toEqual({ states: [] });
  });
});

describe("made from its configuration", () => {
  test("without a section the stated defaults hold", () => {
    const { start } = stageOf({});
    expect(start().answer()["ratelimit-policy"]).toBe(
      '"default";q=200;w=2, "default-concurrency";q=100;qu="concurrent-requests"',
    );
  });

  test("a route that limits an unknown tier is refused when the stage is made", () => {
    const routes = { r: { tiers: { gold: { rate: "1/s" } } } };
    expect(() => stageOf({ routes })).toThrow(/unknown tiers: gold/);
  });
});
