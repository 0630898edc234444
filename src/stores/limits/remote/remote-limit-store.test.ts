/** The limits of workers over a channel: the contract of every store, and what becomes of it when one end is gone. */
import { duplexPair, type Duplex } from "node:stream";
import { describe, expect, onTestFinished, test } from "vitest";
import { until } from "../../../../test/support/until.ts";
import { StoreUnavailable } from "../../store-unavailable.ts";
import { describeLimitStore } from "../limit-contract.test-support.ts";
import type {
  ConcurrencyRule,
  LimitGroup,
  LimitRequest,
  LimitStore,
  LimitVerdict,
  QuotaRule,
} from "../limit-store.ts";
import { MemoryLimitStore } from "../memory-limit-store.ts";
import { MAX_NUMBERS } from "./group-numbers.ts";
import { serveLimits } from "./limit-server.ts";
import { RemoteLimitStore } from "./remote-limit-store.ts";

/** A Sunday, 12:00:00 UTC. */
const NOON = Date.UTC(2026, 10, 22, 12);

const common = { speed: "exact", onStoreFailure: "deny" } as const;
const slots = (limit: number): ConcurrencyRule => ({
  ...common,
  kind: "concurrency",
  name: "concurrency",
  unit: "requests",
  limit,
});
const daily = (limit: number): QuotaRule => ({
  ...common,
  kind: "day",
  name: "day",
  unit: "cost",
  limit,
  timeZone: "UTC",
});

const asks = (rules: LimitGroup["rules"], cost = 1, subject = "a"): LimitRequest => ({
  groups: [{ scope: "route:churn", subject, rules }],
  cost,
  nowMs: 0,
});

describeLimitStore("remote", {
  isExactClock: true,
  make: async () => {
    let nowMs = NOON;
    const { worker } = connect(new MemoryLimitStore(), { nowMs: () => nowMs });
    return {
      store: worker,
      nowMs: () => nowMs,
      advance: async (ms) => void (nowMs += ms),
      settled: () => new Promise((done) => setTimeout(done, 5)),
      close: async () => worker.close(),
    };
  },
});

interface Connected {
  readonly worker: RemoteLimitStore;
  readonly server: ReturnType<typeof serveLimits>;
  readonly channel: Duplex;
  /** Ends both ends, as the kernel does when a process dies. */
  readonly cut: () => void;
}

function connect(
  store: LimitStore,
  { nowMs = () => NOON, timeoutMs }: { nowMs?: () => number; timeoutMs?: number } = {},
): Connected {
  const [channel, far] = duplexPair();
  const server = serveLimits({ store, channel: far, nowMs });
  const worker = new RemoteLimitStore({ channel, ...(timeoutMs !== undefined && { timeoutMs }) });
  const cut = (): void => {
    channel.destroy();
    far.destroy();
  };
  onTestFinished(cut);
  return { worker, server, channel, cut };
}

/** Another answers in the memory store's place, when and as it likes. */
function storeOf(decide: LimitStore["decide"]): LimitStore & { finished: unknown[] } {
  const finished: unknown[] = [];
  return { decide, finish: (hold, cost) => void finished.push([hold, cost]), finished };
}

const granted: LimitVerdict = { isGranted: true, readings: [], hold: undefined };

describe("several workers", () => {
  test("share every limit", async () => {
    const store = new MemoryLimitStore();
    const workers = Array.from({ length: 4 }, () => connect(store).worker);
    const verdicts = await Promise.all(
      Array.from({ length: 400 }, (_, i) =>
        (workers[i % 4] as RemoteLimitStore).decide(asks([daily(100)])),
      ),
    );
    expect(verdicts.filter((verdict) => verdict.isGranted)).toHaveLength(100);
  });

  test("get readings of their own rules, and who refused", async () => {
    const { worker } = connect(new MemoryLimitStore());
    const rules = [daily(10), slots(1)];
    const first = await worker.decide(asks(rules, 3));
    expect(first.readings.map(({ rule }) => rule)).toEqual(rules);
    expect(first.readings.map(({ remaining }) => remaining)).toEqual([7, 0]);
    const second = await worker.decide(asks(rules, 3));
    expect(second).toMatchObject({ isGranted: false, refusedBy: { rule: slots(1) } });
    expect(second.readings[0]?.rule).toBe(rules[0]);
  });
});

describe("a worker that dies", () => {
  test("gives its slots back at once, and no others", async () => {
    const store = new MemoryLimitStore();
    const [dying, living] = [connect(store), connect(store)];
    for (let i = 0; i < 3; i++) await dying.worker.decide(asks([slots(4)]));
    await living.worker.decide(asks([slots(4)]));
    expect((await living.worker.decide(asks([slots(4)]))).isGranted).toBe(false);
    dying.cut();
    await until("its holds are gone", () => dying.server.holds === 0);
    const verdicts = await Promise.all(
      Array.from({ length: 5 }, () => living.worker.decide(asks([slots(4)]))),
    );
    expect(verdicts.filter(({ isGranted }) => isGranted)).toHaveLength(3);
  });

  test("leaves its cost as it was reserved", async () => {
    const store = new MemoryLimitStore();
    const [dying, living] = [connect(store), connect(store)];
    await dying.worker.decide(asks([daily(100)], 60));
    dying.cut();
    await until("its holds are gone", () => dying.server.holds === 0);
    expect((await living.worker.decide(asks([daily(100)], 41))).isGranted).toBe(false);
    expect((await living.worker.decide(asks([daily(100)], 40))).isGranted).toBe(true);
  });

  test("a grant that is decided behind its death is given back too", async () => {
    let settle: (verdict: LimitVerdict) => void = () => undefined;
    const store = storeOf(() => new Promise((done) => (settle = done)));
    const { worker, cut } = connect(store);
    const asked = worker.decide(asks([slots(1)]));
    await new Promise((done) => setTimeout(done, 10));
    cut();
    await expect(asked).rejects.toBeInstanceOf(StoreUnavailable);
    const hold = {};
    await new Promise((done) => setTimeout(done, 10));
    settle({ ...granted, hold });
    await until("it is finished", () => store.finished.length === 1);
    expect(store.finished).toEqual([[hold, undefined]]);
  });

  test("one that speaks another language is cut off, and what it held goes back", async () => {
    const store = new MemoryLimitStore();
    const { worker, server, channel, cut } = connect(store);
    await worker.decide(asks([slots(1)]));
    channel.write('[[99, 1, 12345, "a"]]\nnonsense\n');
    await until("its holds are gone", () => server.holds === 0);
    cut();
    await expect(worker.decide(asks([slots(1)]))).rejects.toBeInstanceOf(StoreUnavailable);
  });
});

describe("a primary that is in trouble", () => {
  test("does not answer: the worker cannot tell, and gives a late grant back", async () => {
    const late: ((verdict: LimitVerdict) => void)[] = [];
    const store = storeOf(() => new Promise((done) => late.push(done)));
    const { worker } = connect(store, { timeoutMs: 20 });
    await expect(worker.decide(asks([slots(1)]))).rejects.toBeInstanceOf(StoreUnavailable);
    expect(worker.waiting).toBe(0);
    const hold = {};
    late[0]?.({ ...granted, hold });
    await until("the slot is given back", () => store.finished.length === 1);
    expect(store.finished).toEqual([[hold, undefined]]);
  });

  test("answers the ones it can, and those that it cannot are told in order of their age", async () => {
    let calls = 0;
    const store = storeOf(() => (++calls % 2 === 0 ? granted : new Promise(() => undefined)));
    const { worker } = connect(store, { timeoutMs: 30 });
    const all = Array.from({ length: 6 }, () => worker.decide(asks([slots(9)])));
    const results = await Promise.allSettled(all);
    expect(results.map(({ status }) => status)).toEqual(
      Array.from({ length: 3 }, () => ["rejected", "fulfilled"]).flat(),
    );
  });

  test("is gone: nothing waits, and nothing is asked any more", async () => {
    const { worker, cut } = connect(storeOf(() => new Promise(() => undefined)));
    const asked = worker.decide(asks([slots(1)]));
    cut();
    await expect(asked).rejects.toBeInstanceOf(StoreUnavailable);
    await expect(worker.decide(asks([slots(1)]))).rejects.toBeInstanceOf(StoreUnavailable);
  });

  test.each([
    [
      "throws",
      () => {
        throw new Error("broken");
      },
    ],
    ["rejects", () => Promise.reject(new Error("broken"))],
  ] as const)("its store %s: the worker cannot tell", async (_how, decide) => {
    const { worker } = connect(storeOf(decide));
    await expect(worker.decide(asks([slots(1)]))).rejects.toBeInstanceOf(StoreUnavailable);
  });
});

describe("on the channel", () => {
  test("the primary's clock decides, whatever a worker says the time is", async () => {
    const seen: number[] = [];
    const store = storeOf(({ nowMs }) => {
      seen.push(nowMs);
      return granted;
    });
    const { worker } = connect(store);
    await worker.decide({ ...asks([slots(1)]), nowMs: NOON + 86_400_000 });
    expect(seen).toEqual([NOON]);
  });

  test("rules cross once, and again as others when their numbers change", async () => {
    const written: string[] = [];
    const seen: LimitGroup[] = [];
    const store = storeOf(({ groups }) => {
      seen.push(...groups);
      return granted;
    });
    const { worker, channel } = connect(store);
    const write = channel.write.bind(channel);
    channel.write = ((text: string) => (written.push(text), write(text))) as Duplex["write"];
    const rules = [slots(4)];
    for (let i = 0; i < 5; i++) await worker.decide(asks(rules, 1, `caller-${i}`));
    // A reload makes the same rules anew.
    await worker.decide(asks([slots(4)]));
    await worker.decide(asks([slots(5)]));
    expect(written.join("").match(/"rules",/g)).toHaveLength(2);
    expect(seen.map(({ subject }) => subject).slice(0, 5)).toEqual(
      [0, 1, 2, 3, 4].map((i) => `caller-${i}`),
    );
    expect(seen.at(-1)?.rules).toEqual([slots(5)]);
  });

  test("a number that is given out anew in the middle of a request means one thing there", async () => {
    const asked: string[] = [];
    const store = storeOf(({ groups }) => {
      asked.push(groups.map(({ scope }) => scope).join());
      return granted;
    });
    const { worker } = connect(store);
    const scope = (number: number): LimitGroup => ({
      scope: `scope-${number}`,
      subject: "a",
      rules: [slots(1)],
    });
    const request = (...numbers: number[]): LimitRequest => ({
      groups: numbers.map(scope),
      cost: 0,
      nowMs: 0,
    });
    for (let number = 0; number < 2 * MAX_NUMBERS; number += 64)
      await worker.decide(request(...Array.from({ length: 64 }, (_, i) => number + i)));
    // The first number of this round is in use when the second scope begins another.
    await worker.decide(request(MAX_NUMBERS, 2 * MAX_NUMBERS));
    expect(asked.at(-1)).toBe(`scope-${MAX_NUMBERS},scope-${2 * MAX_NUMBERS}`);
  });

  test("what a caller is called is only ever text", async () => {
    const seen: string[] = [];
    const store = storeOf(({ groups }) => {
      seen.push(...groups.map(({ subject }) => subject));
      return granted;
    });
    const { worker } = connect(store);
    const subjects = ['"],["rules",0,"x",[]]\n[', "\ud800", "ä\u2028\u0000", ""];
    for (const subject of subjects) await worker.decide(asks([slots(1)], 1, subject));
    expect(seen).toEqual(subjects);
  });

  test("a request is finished once, with what it cost", async () => {
    const hold = {};
    const store = storeOf(() => ({ ...granted, hold }));
    const { worker } = connect(store);
    const verdict = await worker.decide(asks([daily(9)]));
    if (!verdict.isGranted || !verdict.hold) throw new Error("no hold");
    worker.finish(verdict.hold, 0);
    worker.finish(verdict.hold, 7);
    worker.finish({}, 3);
    await until("it is finished", () => store.finished.length > 0);
    await worker.decide(asks([daily(9)]));
    expect(store.finished).toEqual([[hold, 0]]);
  });

  test("what one turn of the loop asks crosses at once", async () => {
    const { worker, channel } = connect(new MemoryLimitStore());
    let writes = 0;
    const write = channel.write.bind(channel);
    channel.write = ((text: string) => (writes++, write(text))) as Duplex["write"];
    await Promise.all(Array.from({ length: 50 }, () => worker.decide(asks([slots(100)]))));
    expect(writes).toBe(1);
  });
});
