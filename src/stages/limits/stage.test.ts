/** The limits stage on a real memory store and a frozen clock. */
import { describe, expect, test } from "vitest";
import { contextOf, identityOf, NOON_MS, routeOf } from "../../../test/support/context.ts";
import { Fault } from "../../pipeline/rejection.ts";
import { applyEdits } from "../../pipeline/response.ts";
import type { Decision } from "../../pipeline/stage.ts";
import type { LimitStore, LimitVerdict } from "../../stores/limits/limit-store.ts";
import { MemoryLimitStore } from "../../stores/limits/memory-limit-store.ts";
import { StoreUnavailable } from "../../stores/store-unavailable.ts";
import { codeOf, retryOf, ROUTE_ID, stageOf } from "./limits-stage.test-support.ts";

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
    stage.bind(routeOf())?.onEnd?.(contextOf(), {
      status: 401,
      code: "identity.credentials_missing",
      wasForwarded: false,
    });
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

  test.each([
    {
      name: "at once",
      decide: () => {
        throw new StoreUnavailable("down");
      },
    },
    { name: "later", decide: async () => Promise.reject(new StoreUnavailable("down")) },
    {
      name: "as the fault it is",
      decide: async () => Promise.reject(new Fault("limits.store_unavailable", "down")),
    },
  ])("a store that says $name that it is down is a fault, not a pass", async ({ decide }) => {
    const { start } = stageOf({ store: { decide, finish: () => undefined } });
    const asked = async (): Promise<unknown> => start().decision;
    await expect(asked()).rejects.toMatchObject({
      name: "Fault",
      code: "limits.store_unavailable",
    });
  });

  test("any other error of a store stays the bug that it is", () => {
    const decide = (): never => {
      throw new TypeError("bug");
    };
    const { start } = stageOf({ store: { decide, finish: () => undefined } });
    expect(() => start()).toThrow(TypeError);
  });

  test("a store that answers later is waited for, and its hold given back once", async () => {
    const memory = new MemoryLimitStore();
    const finished: object[] = [];
    const store: LimitStore = {
      decide: async (request) => memory.decide(request),
      finish: (hold, cost) => {
        finished.push(hold);
        memory.finish(hold, cost);
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
    expect(finished).toHaveLength(1);
    expect(codeOf(await settled(start().decision))).toBe("continue");
  });

  test("a full window is refused until enough of it has passed", () => {
    const { call, clock } = stageOf({ section: { default: { window: "3/10m" } } });
    for (let i = 0; i < 3; i++) expect(codeOf(call().decision)).toBe("continue");
    const { decision } = call();
    expect(codeOf(decision)).toBe("limits.window_full");
    const waitSeconds = retryOf(decision) ?? 0;
    // A slot's worth of time more than the window, at most.
    expect(waitSeconds).toBeGreaterThanOrEqual(600);
    expect(waitSeconds).toBeLessThanOrEqual(620);
    clock.advance(waitSeconds * 1_000);
    expect(codeOf(call().decision)).toBe("continue");
  });

  test("a month is the operator's, not UTC's", () => {
    const { call, clock } = stageOf({
      section: { timeZone: "Asia/Tokyo", default: { quota: { month: 1 } } },
    });
    call();
    const { decision } = call();
    // From 21:00 on the 22nd until the first of December in Tokyo: 8 days and 3 hours.
    expect(retryOf(decision)).toBe((8 * 24 + 3) * 3_600);
    clock.advance((8 * 24 + 3) * 3_600_000);
    expect(codeOf(call().decision)).toBe("continue");
  });

  test("too many at the same time are 503 where the route says so", () => {
    const { start } = stageOf({
      section: { default: { concurrency: 1 } },
      routes: { [ROUTE_ID]: { busyStatus: 503 } },
    });
    start();
    const { decision } = start();
    expect(decision).toMatchObject({
      rejection: { code: "limits.busy", status: 503, retryAfterSeconds: 1 },
    });
    start(identityOf(), "other");
    expect(codeOf(start(identityOf(), "other").decision)).toBe("limits.concurrency_exceeded");
  });

  test("jitter only ever makes callers come back later, and all headers say the same moment", () => {
    const draws = [0, 0.5, 0.999];
    const { call } = stageOf({
      section: { retryJitter: "10s", default: { rate: "1/20s" } },
      random: () => draws.shift() ?? 0,
    });
    call();
    expect(retryOf(call().decision)).toBe(20);
    const refused = call();
    expect(retryOf(refused.decision)).toBe(25);
    expect(refused.answer()).toMatchObject({
      "x-ratelimit-reset": String(NOON_MS / 1_000 + 25),
      ratelimit: '"default";r=0;t=25',
    });
    expect(retryOf(call().decision)).toBe(30);
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

  test("units, windows and months are stated, none shorter than it is", () => {
    const { call } = stageOf({
      section: {
        default: { window: "1000/10m", quota: { month: 5 }, cost: { rate: "100/m", burst: 300 } },
      },
      routes: { [ROUTE_ID]: { cost: 7 } },
    });
    expect(call().answer()).toMatchObject({
      "ratelimit-policy":
        '"default-month";q=5;w=2678400, "default-window";q=1000;w=600, "default-cost";q=300;qu="cost-units";w=180',
    });
  });

  test("of cost and requests, that stands first which lets the fewest such requests through", () => {
    const { call } = stageOf({
      section: { default: { quota: { hour: 50 }, cost: { quota: { hour: 1_000 } } } },
      routes: { [ROUTE_ID]: { cost: 100 }, cheap: { cost: 1 } },
    });
    expect(call().answer()["x-ratelimit-limit"]).toBe("1000");
    expect(call(identityOf(), "cheap").answer()["x-ratelimit-limit"]).toBe("50");
  });

  test.each(["share", "allow"] as const)("a degraded decision (%s) is marked", (degraded) => {
    const memory = new MemoryLimitStore();
    const store: LimitStore = {
      decide: (request): LimitVerdict => ({
        ...memory.decide(request),
        degraded,
      }),
      finish: () => undefined,
    };
    const { call } = stageOf({ section: { default: { rate: "1/h" } }, store });
    const passed = call();
    expect(passed.answer()["x-portcullis-degraded"]).toBe(`limits;mode=${degraded}`);
    expect(passed.context.facts.limits?.degraded).toBe(degraded);
    const refused = call();
    expect(codeOf(refused.decision)).toBe("limits.bucket_empty");
    expect(refused.answer()["x-portcullis-degraded"]).toBe(`limits;mode=${degraded}`);
  });

  test("no upstream can say that a decision was degraded", () => {
    expect(stageOf({}).call().answer()["x-portcullis-degraded"]).toBeUndefined();
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
    const requests = { unit: "requests" };
    expect(call().context.facts.limits?.states).toEqual([
      { name: "default", limit: 2, remaining: 1, resetSeconds: 1, kind: "bucket", ...requests },
      {
        name: "default-day",
        limit: 9,
        remaining: 8,
        resetSeconds: 43_200,
        kind: "day",
        ...requests,
      },
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
