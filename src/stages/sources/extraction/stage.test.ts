/** What becomes of a caller whose inputs look like copying a model, on a frozen clock. */
import { describe, expect, test } from "vitest";
import {
  ANONYMOUS,
  contextOf,
  FrozenClock,
  identityOf,
  routeOf,
  type ContextInput,
} from "../../../../test/support/context.ts";
import type { Suspicion } from "../../../pipeline/facts.ts";
import { sourcesSchema } from "../config.ts";
import { ProfileTable } from "./profile-table.ts";
import { extraction } from "./stage.ts";

const BASE = { tenure: 12, monthly: 70.35, total: 844.2, income: 41_000, contract: "monthly" };

function stageOf(section: object = {}, profiles = new ProfileTable(), clock = new FrozenClock()) {
  const { extraction: settings, ipv6Prefix } = sourcesSchema.parse({ extraction: section });
  const stage = extraction({ ...settings, ipv6Prefix }, { clock, profiles });
  const handlers = stage.bind(routeOf());
  if (!handlers) throw new Error("nothing is watched");
  /** One request through both passes, as the runner takes it: what it says, and the score it leaves on record. */
  const ask = (json: unknown, input: ContextInput = {}) => {
    const context = contextOf({ identity: identityOf(), ...input, facts: { ...input.facts } });
    Object.assign(context.facts, { contract: { json }, identity: input.identity ?? identityOf() });
    for (const pass of ["onHead", "onBody"] as const) {
      const decision = handlers[pass]?.(context);
      if (decision === undefined || decision instanceof Promise) throw new Error("not at once");
      if (decision.verdict === "answer") throw new Error("answered");
      if (decision.learned !== undefined) {
        if (context.facts.extraction !== undefined) throw new Error("wrote its fact twice");
        context.facts.extraction = decision.learned;
      }
      if (decision.verdict === "reject")
        return { says: decision.rejection, learned: context.facts.extraction };
    }
    return { says: "continue" as const, learned: context.facts.extraction };
  };
  const sweep = (from: number, count: number, input?: ContextInput) =>
    Array.from({ length: count }, (_, i) => ask({ ...BASE, income: from + 100 * i }, input));
  return { stage, clock, profiles, ask, sweep };
}

const codeOf = ({ says }: { says: unknown }): string =>
  typeof says === "object" && says !== null && "code" in says ? String(says.code) : String(says);
const last = <T>(all: readonly T[]): T => all[all.length - 1] as T;

describe("the score", () => {
  test("is on record for every input, and by itself refuses nobody", () => {
    const { sweep } = stageOf();
    const answers = sweep(1_000, 500);
    expect(new Set(answers.map(codeOf))).toEqual(new Set(["continue"]));
    expect(answers[0]?.learned).toMatchObject({ score: 0, inputs: 1, steps: 0 });
    expect(last(answers).learned?.score).toBeGreaterThan(0.9);
    expect(last(answers).learned?.inputs).toBeGreaterThan(400);
  });

  test("holds nothing of what was asked", () => {
    const { learned } = last(stageOf().sweep(4_242_424, 50));
    expect(Object.keys(learned as Suspicion).toSorted()).toEqual([
      "change",
      "inputs",
      "score",
      "steps",
    ]);
    expect(JSON.stringify(learned)).not.toContain("42424");
  });

  test("is of one caller and one model", () => {
    const { sweep, ask } = stageOf();
    sweep(1_000, 500);
    expect(ask(BASE, { identity: identityOf({ caller: "another" }) }).learned?.score).toBe(0);
  });

  test("fades", () => {
    const { sweep, ask, clock } = stageOf();
    sweep(1_000, 200);
    clock.advance(4 * 3_600_000);
    expect(ask(BASE).learned?.score).toBeLessThan(0.3);
  });

  test("the same input again is no evidence", () => {
    const { ask } = stageOf();
    const answers = Array.from({ length: 500 }, (_, i) => ask({ ...BASE, tenure: i % 2 }));
    expect(last(answers).learned).toMatchObject({ inputs: 2, steps: 0 });
  });

  test("a time of now moves on without being evidence; other counters are named by the operator", () => {
    const asked = (section: object, make: (i: number) => object) => {
      const { ask, clock } = stageOf(section);
      const answers = Array.from({ length: 300 }, (_, i) => {
        clock.advance(1_000);
        return ask({ ...BASE, ...make(i) });
      });
      return last(answers).learned?.score ?? 1;
    };
    const noon = new FrozenClock().nowMs();
    expect(asked({}, (i) => ({ at: noon + i * 1_000 }))).toBe(0);
    expect(asked({}, (i) => ({ at: Math.floor(noon / 1_000) + i }))).toBe(0);
    expect(asked({}, (i) => ({ at: new Date(noon + i * 1_000).toISOString() }))).toBe(0);
    expect(asked({ ignore: ["sequence"] }, (i) => ({ sequence: i }))).toBe(0);
    expect(asked({}, (i) => ({ sequence: i }))).toBeGreaterThan(0.7);
  });

  test("a forecast for each hour of many days looks like an enumeration, until its field is named", () => {
    const forecasts = (section: object): number => {
      const { ask } = stageOf(section);
      const answers = Array.from({ length: 90 * 24 }, (_, i) => {
        const day = Math.floor(i / 24);
        const weather = { temperature: 12 + 9 * Math.sin(day), wind: 5 + 4 * Math.cos(3 * day) };
        return ask({ hour: i % 24, day, ...weather });
      });
      return last(answers).learned?.score ?? 1;
    };
    expect(forecasts({})).toBeGreaterThan(0.7);
    expect(forecasts({ ignore: ["hour"] })).toBeLessThan(0.3);
  });

  test("an anonymous caller of IPv6 is its network", () => {
    const { ask } = stageOf();
    const answers = Array.from({ length: 200 }, (_, i) =>
      ask(
        { ...BASE, income: 1_000 + i },
        { identity: ANONYMOUS, callerAddress: `2001:db8:0:1::${(i + 1).toString(16)}` },
      ),
    );
    expect(last(answers).learned?.score).toBeGreaterThan(0.7);
  });

  test("what is no JSON, or was not accepted, has none", () => {
    const { stage } = stageOf();
    const context = contextOf({ identity: identityOf(), body: "12,70" });
    expect(stage.bind(routeOf())?.onBody?.(context)).toEqual({ verdict: "continue" });
  });

  test.each([
    { name: "null", json: null },
    { name: "a number", json: 7 },
    { name: "nothing", json: {} },
    { name: "an empty batch", json: { instances: [] } },
    {
      name: "thousands of fields",
      json: Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`f${i}`, i])),
    },
    {
      name: "a batch of a hundred thousand",
      json: Array.from({ length: 100_000 }, (_, i) => [i, i]),
    },
  ])("$name is read as far as it goes", ({ json }) => {
    expect(codeOf(stageOf().ask(json))).toBe("continue");
  });
});

describe("the rules", () => {
  test("throttle: from its score on a caller has the rate that is left to it", () => {
    const { sweep, ask, clock } = stageOf({ throttle: { at: 0.7, to: "1/s" } });
    const answers = sweep(1_000, 200);
    expect(codeOf(last(answers))).toBe("sources.extraction_suspected");
    expect(last(answers).says).toMatchObject({ status: 429, retryAfterSeconds: 1 });
    expect(last(answers).learned?.score).toBeGreaterThan(0.7);
    clock.advance(1_000);
    expect([codeOf(ask(BASE)), codeOf(ask(BASE))]).toEqual([
      "continue",
      "sources.extraction_suspected",
    ]);
  });

  test("block: from its score on a caller is shut out, before its body is read", () => {
    const { sweep, ask, clock, stage } = stageOf({ block: { at: 0.9, for: "10m" } });
    const codes = sweep(1_000, 200).map(codeOf);
    const first = codes.indexOf("sources.extraction_suspected");
    expect(first).toBeGreaterThan(60);
    expect(new Set(codes.slice(first))).toEqual(new Set(["sources.extraction_suspected"]));
    const context = contextOf({ identity: identityOf() });
    expect(stage.bind(routeOf())?.onHead?.(context)).toMatchObject({
      verdict: "reject",
      rejection: { retryAfterSeconds: 600 },
    });
    clock.advance(600_000);
    expect(codeOf(ask({ ...BASE, income: 7 }))).toBe("continue");
  });

  test("who goes on after a block is blocked again, sooner", () => {
    const { sweep, clock } = stageOf({ block: { at: 0.9, for: "10m" } });
    const untilBlocked = (from: number): number =>
      sweep(from, 200).map(codeOf).indexOf("sources.extraction_suspected");
    const first = untilBlocked(1_000);
    clock.advance(600_000);
    const second = untilBlocked(90_000);
    expect(second).toBeGreaterThan(0);
    expect(second).toBeLessThan(first);
  });

  test("in shadow, where requests go on after each refusal, the fact is written once", () => {
    const { stage, sweep, clock } = stageOf({ block: { at: 0.9, for: "10m" } });
    sweep(1_000, 200);
    clock.advance(1);
    const handlers = stage.bind(routeOf());
    const context = contextOf({ identity: identityOf(), facts: { contract: { json: BASE } } });
    const head = handlers?.onHead?.(context);
    if (!head || head instanceof Promise || head.verdict !== "reject") throw new Error("passed");
    expect(head.learned).toBeDefined();
    Object.assign(context.facts, { extraction: head.learned });
    expect(handlers?.onBody?.(context)).not.toHaveProperty("learned");
  });

  test("a reload forgets nobody", () => {
    const profiles = new ProfileTable();
    const clock = new FrozenClock();
    const section = { block: { at: 0.9, for: "10m" } };
    stageOf(section, profiles, clock).sweep(1_000, 200);
    expect(codeOf(stageOf(section, profiles, clock).ask(BASE))).toBe(
      "sources.extraction_suspected",
    );
  });
});

describe("where", () => {
  test.each([
    { name: "a route without a model", route: routeOf({ model: undefined }) },
    { name: "a streamed body", route: routeOf({ bodyMode: "stream" }) },
    { name: "a path that leads nowhere", route: routeOf({ upstream: undefined }) },
  ])("$name is not watched", ({ route }) => {
    expect(stageOf().stage.bind(route)).toBeNull();
  });

  test("nowhere, when it is off", () => {
    expect(() => stageOf({ mode: "off" })).toThrow("nothing is watched");
  });

  test("a block below the throttle is refused at load", () => {
    const section = { throttle: { at: 0.9, to: "1/s" }, block: { at: 0.7, for: "1m" } };
    expect(sourcesSchema.safeParse({ extraction: section }).success).toBe(false);
  });
});

describe("the memory", () => {
  test("callers without end take no more than the maximum, and drive out nobody who is suspected", () => {
    const { sweep, ask, profiles } = stageOf({ maxProfiles: 100, block: { at: 0.9, for: "10m" } });
    sweep(1_000, 200);
    for (let i = 0; i < 2_000; i++) ask(BASE, { identity: identityOf({ caller: `caller-${i}` }) });
    expect(profiles.size).toBeLessThanOrEqual(100);
    expect(codeOf(ask(BASE))).toBe("sources.extraction_suspected");
  });
});
