/** What requests cost: reserved before, metered on the way, settled once on every way out. */
import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { AnswerBroken } from "../../pipeline/exchange.ts";
import type { Ending } from "../../pipeline/stage.ts";
import type { LimitStore } from "../../stores/limits/limit-store.ts";
import { MemoryLimitStore } from "../../stores/limits/memory-limit-store.ts";
import { codeOf, ROUTE_ID, stageOf } from "./limits-stage.test-support.ts";

const RESERVE = 100;
const BUDGET = 1_000;
const FIXED = 100;
const FIELD = { reserve: RESERVE, field: "usage.total_tokens" };
const HEADER = { reserve: RESERVE, header: "X-Cost" };
const REFUND = { onMissing: "refund" };

type Running = ReturnType<ReturnType<typeof stageOf>["ask"]>;

/** The stage on a store that remembers what each hold was finished with. */
function meteredBy(cost: unknown) {
  const memory = new MemoryLimitStore();
  const finished: (number | undefined)[] = [];
  const store: LimitStore = {
    decide: (request) => memory.decide(request),
    finish: (hold, units) => {
      finished.push(units);
      memory.finish(hold, units);
    },
  };
  const stage = stageOf({
    section: { default: { concurrency: 5, cost: { quota: { day: BUDGET } } } },
    routes: { [ROUTE_ID]: { cost } },
    store,
  });
  /** Units of the budget that a next request would find. */
  const left = (): number => {
    const { context, end } = stage.ask({});
    const { states = [] } = context.facts.limits ?? {};
    end(REFUSED_LATER);
    finished.pop();
    const reading = states.find(({ name }) => name === "default-cost-day");
    return (reading?.remaining ?? Number.NaN) + RESERVE;
  };
  return { ...stage, finished, left };
}

const OK: Ending = { status: 200, code: "ok", wasForwarded: true };
const REFUSED_LATER: Ending = { status: 403, code: "waf.blocked", wasForwarded: false };
const UNREACHABLE: Ending = { status: 502, code: "upstream.unreachable", wasForwarded: true };
const TIMED_OUT: Ending = { status: 504, code: "upstream.timeout", wasForwarded: true };
const SATURATED: Ending = { status: 503, code: "upstream.saturated", wasForwarded: true };
const FAILED_AND_LEFT: Ending = { ...TIMED_OUT, status: 499 };
const LEFT: Ending = { status: 499, code: "listener.caller_gone", wasForwarded: true };
const LEFT_EARLY: Ending = { ...LEFT, wasForwarded: false };
const BROKE_OFF_BODY: Ending = {
  status: 400,
  code: "listener.body_incomplete",
  wasForwarded: true,
};
const TOO_LARGE: Ending = { status: 502, code: "contract.response_too_large", wasForwarded: true };
const JUDGED: Ending = { status: 502, code: "contract.response_invalid", wasForwarded: true };
const BUG: Ending = { status: 500, code: "gateway.invariant_broken", wasForwarded: true };

const JSON_TYPE = ["content-type", "application/json"];
const heads = (running: Running, headers: readonly string[] = [], status = 200): void =>
  running.handlers.onAnswer?.(running.context, { status, headers });

async function answers(running: Running, body: string, status = 200): Promise<void> {
  heads(running, JSON_TYPE, status);
  const response = { status, headers: JSON_TYPE, body: Buffer.from(body) };
  await running.handlers.onResponse?.(running.context, response);
}

const usage = (units: number): string => JSON.stringify({ usage: { total_tokens: units } });

interface Way {
  readonly name: string;
  readonly cost: unknown;
  readonly play: (running: Running) => void | Promise<void>;
  readonly ending: Ending;
  readonly settled: number;
}

const nothing = (): void => undefined;

const WAYS: readonly Way[] = [
  { name: "fixed: answered", cost: FIXED, play: heads, ending: OK, settled: FIXED },
  {
    name: "fixed: answered with an error of the upstream's own",
    cost: FIXED,
    play: (running) => heads(running, [], 503),
    ending: { ...OK, status: 503 },
    settled: FIXED,
  },
  { name: "fixed: refused later", cost: FIXED, play: nothing, ending: REFUSED_LATER, settled: 0 },
  { name: "fixed: unreachable", cost: FIXED, play: nothing, ending: UNREACHABLE, settled: 0 },
  { name: "fixed: timed out", cost: FIXED, play: nothing, ending: TIMED_OUT, settled: 0 },
  { name: "fixed: no connection free", cost: FIXED, play: nothing, ending: SATURATED, settled: 0 },
  { name: "fixed: a bug of ours", cost: FIXED, play: nothing, ending: BUG, settled: 0 },
  {
    name: "fixed: failed, and the caller had left by then",
    cost: FIXED,
    play: nothing,
    ending: FAILED_AND_LEFT,
    settled: 0,
  },
  {
    name: "fixed: the caller left before it was sent",
    cost: FIXED,
    play: nothing,
    ending: LEFT_EARLY,
    settled: 0,
  },
  {
    name: "fixed: the caller left before the answer",
    cost: FIXED,
    play: nothing,
    ending: LEFT,
    settled: FIXED,
  },
  {
    name: "fixed: the caller left within the answer",
    cost: FIXED,
    play: heads,
    ending: LEFT,
    settled: FIXED,
  },
  {
    name: "fixed: the caller broke off its body",
    cost: FIXED,
    play: nothing,
    ending: BROKE_OFF_BODY,
    settled: FIXED,
  },
  {
    name: "fixed: an answer larger than may be held",
    cost: FIXED,
    play: nothing,
    ending: TOO_LARGE,
    settled: FIXED,
  },
  {
    name: "field: less than reserved",
    cost: FIELD,
    play: (running) => answers(running, usage(30)),
    ending: OK,
    settled: 30,
  },
  {
    name: "field: more than reserved is charged too",
    cost: FIELD,
    play: (running) => answers(running, usage(250)),
    ending: OK,
    settled: 250,
  },
  {
    name: "field: nothing at all",
    cost: FIELD,
    play: (running) => answers(running, usage(0)),
    ending: OK,
    settled: 0,
  },
  {
    name: "field: metered, and the answer refused by its contract",
    cost: FIELD,
    play: (running) => answers(running, usage(30)),
    ending: JUDGED,
    settled: 30,
  },
  {
    name: "field: metered, and the caller had left",
    cost: FIELD,
    play: (running) => answers(running, usage(30)),
    ending: LEFT,
    settled: 30,
  },
  {
    name: "field: missing",
    cost: FIELD,
    play: (running) => answers(running, "{}"),
    ending: OK,
    settled: RESERVE,
  },
  {
    name: "field: missing, to be given back",
    cost: { ...FIELD, ...REFUND },
    play: (running) => answers(running, '{"error":{}}', 500),
    ending: { ...OK, status: 500 },
    settled: 0,
  },
  {
    name: "field: missing in a success is never given back: its caller may have asked for none",
    cost: { ...FIELD, ...REFUND },
    play: (running) => answers(running, '{"text":"hi"}'),
    ending: OK,
    settled: RESERVE,
  },
  {
    name: "field: unreadable is never given back",
    cost: { ...FIELD, ...REFUND },
    play: (running) => answers(running, "<html>"),
    ending: OK,
    settled: RESERVE,
  },
  { name: "field: timed out", cost: FIELD, play: nothing, ending: TIMED_OUT, settled: 0 },
  {
    name: "field: the caller left before the answer",
    cost: { ...FIELD, ...REFUND },
    play: nothing,
    ending: LEFT,
    settled: RESERVE,
  },
  {
    name: "field: the answer's head came, and no whole answer",
    cost: { ...FIELD, ...REFUND },
    play: heads,
    ending: { status: 200, code: "upstream.connection_lost", wasForwarded: true },
    settled: RESERVE,
  },
  {
    name: "header: said",
    cost: HEADER,
    play: (running) => heads(running, ["x-cost", "12"]),
    ending: OK,
    settled: 12,
  },
  {
    name: "header: said, and the caller left within the answer",
    cost: HEADER,
    play: (running) => heads(running, ["x-cost", "12"]),
    ending: LEFT,
    settled: 12,
  },
  { name: "header: missing", cost: HEADER, play: heads, ending: OK, settled: RESERVE },
  {
    name: "header: missing, to be given back",
    cost: { ...HEADER, ...REFUND },
    play: (running) => heads(running, [], 429),
    ending: { ...OK, status: 429 },
    settled: 0,
  },
  {
    name: "header: missing in a success is never given back",
    cost: { ...HEADER, ...REFUND },
    play: heads,
    ending: OK,
    settled: RESERVE,
  },
  {
    name: "header: unreadable is never given back",
    cost: { ...HEADER, ...REFUND },
    play: (running) => heads(running, ["x-cost", "-5"]),
    ending: OK,
    settled: RESERVE,
  },
];

describe("a request is settled once, and costs in the end", () => {
  test.each(WAYS)("$name: $settled", async ({ cost, play, ending, settled }) => {
    const { ask, finished, left } = meteredBy(cost);
    const running = ask({});
    expect(running.context.facts.limits?.cost).toMatchObject({ reserved: RESERVE });
    await play(running);
    running.end(ending);
    running.end(ending);
    expect(finished).toEqual([settled]);
    expect(running.context.facts.limits?.cost?.settled).toBe(settled);
    expect(left()).toBe(BUDGET - settled);
  });
});

const EVENT_TYPE = ["content-type", "text/event-stream"];
const event = (units: number): string => `data: ${usage(units)}\n\n`;

/** An event stream as the runner would have it passed on, and what came out of it. */
function streams(running: Running, body: Readable, headers: readonly string[] = EVENT_TYPE) {
  heads(running, headers);
  const decision = running.handlers.onStream?.(running.context, { status: 200, headers, body });
  return decision?.verdict === "watch" ? decision.body : body;
}

describe("an event stream", () => {
  test("passes on each piece as it came, and costs what its last event says", async () => {
    const { ask, finished } = meteredBy(FIELD);
    const running = ask({});
    const pieces = ["data: hi\n\nda", `ta: ${usage(5)}\n`, `\n${event(42)}`, "data: [DONE]\n\n"];
    const body = new Readable({ read: () => undefined });
    const passed = streams(running, body)[Symbol.asyncIterator]();
    for (const piece of pieces) {
      body.push(piece);
      // Nothing more comes until this piece was seen: it is not held back for the next.
      expect(String((await passed.next()).value)).toBe(piece);
    }
    body.push(null);
    expect((await passed.next()).done).toBe(true);
    running.end();
    expect(finished).toEqual([42]);
  });

  test("that its caller leaves costs what was metered until then", async () => {
    const { ask, finished } = meteredBy(FIELD);
    const running = ask({});
    const body = new Readable({ read: () => undefined });
    const watched = streams(running, body);
    body.push(event(5));
    await new Promise((resolve) => watched.once("data", resolve));
    watched.destroy();
    running.end(LEFT);
    expect(finished).toEqual([5]);
  });

  test("that its caller leaves before anything was metered costs what was reserved", () => {
    const { ask, finished } = meteredBy({ ...FIELD, ...REFUND });
    const running = ask({});
    streams(running, new Readable({ read: () => undefined })).destroy();
    running.end(LEFT);
    expect(finished).toEqual([RESERVE]);
  });

  test("that breaks off tells its reader why, and costs what was metered", async () => {
    const { ask, finished } = meteredBy(FIELD);
    const running = ask({});
    const body = new Readable({ read: () => undefined });
    const watched = streams(running, body);
    body.push(event(5));
    await new Promise((resolve) => watched.once("data", resolve));
    const broken = new Promise((resolve) => watched.once("error", resolve));
    body.destroy(new AnswerBroken("upstream.timeout", "silent"));
    await expect(broken).resolves.toMatchObject({ code: "upstream.timeout" });
    running.end({ ...OK, code: "upstream.timeout" });
    expect(finished).toEqual([5]);
  });

  test.each([
    { name: "that says nothing", cost: FIELD, settled: RESERVE },
    { name: "that leaves it out", cost: { ...FIELD, ...REFUND }, settled: RESERVE },
  ])("$name costs $settled", async ({ cost, settled }) => {
    const { ask, finished } = meteredBy(cost);
    const running = ask({});
    await streams(running, Readable.from([Buffer.from("data: hi\n\n")])).toArray();
    running.end();
    expect(finished).toEqual([settled]);
  });

  test("in a content coding is left alone and costs what was reserved", () => {
    const { ask, finished } = meteredBy({ ...FIELD, ...REFUND });
    const running = ask({});
    const body = new Readable({ read: () => undefined });
    expect(streams(running, body, [...EVENT_TYPE, "content-encoding", "gzip"])).toBe(body);
    running.end();
    expect(finished).toEqual([RESERVE]);
  });
});

describe("a budget", () => {
  test("refuses with a code of its own, and gives all slots and units back", () => {
    const { ask, left } = meteredBy(RESERVE);
    const running = Array.from({ length: 5 }, () => ask({}));
    expect(codeOf(ask({}).decision)).toBe("limits.concurrency_exceeded");
    for (const { end } of running) end(UNREACHABLE);
    expect(left()).toBe(BUDGET);
  });

  test("is reserved for the worst case: what runs is counted before it has cost anything", () => {
    const { ask } = stageOf({
      section: { default: { cost: { quota: { day: 250 } } } },
      routes: { [ROUTE_ID]: { cost: FIELD } },
    });
    const first = ask({});
    ask({});
    const { decision } = ask({});
    expect(decision).toMatchObject({
      rejection: {
        code: "limits.cost_exhausted",
        status: 429,
        cause: 'limit "default-cost-day" of 250 is spent',
      },
    });
    first.end(REFUSED_LATER);
    expect(codeOf(ask({}).decision)).toBe("continue");
  });

  test("is not asked about on routes that cost nothing, nor are its headers there", () => {
    const { call } = stageOf({
      section: { default: { rate: "9/s", cost: { quota: { day: 1 } } } },
      routes: { dear: { cost: 1 } },
    });
    expect(call().context.facts.limits?.states.map(({ name }) => name)).toEqual(["default"]);
    expect(call().context.facts.limits?.cost).toBeUndefined();
    expect(codeOf(call(undefined, "dear").decision)).toBe("continue");
    expect(codeOf(call(undefined, "dear").decision)).toBe("limits.cost_exhausted");
  });

  test("over all routes is one", () => {
    const { call } = stageOf({
      section: { default: { rate: "99/s", total: { cost: { quota: { month: 10 } } } } },
      routes: { a: { cost: 6 }, b: { cost: 4 } },
    });
    expect(codeOf(call(undefined, "a").decision)).toBe("continue");
    expect(codeOf(call(undefined, "a").decision)).toBe("limits.cost_exhausted");
  });

  test("makes the runner hold answers only where one of their fields is asked for", () => {
    const isHeld = (cost: unknown): boolean => "onResponse" in meteredBy(cost).ask({}).handlers;
    expect([FIELD, HEADER, FIXED].map(isHeld)).toEqual([true, false, false]);
  });
});
