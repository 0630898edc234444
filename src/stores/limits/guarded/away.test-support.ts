/** A link that a test breaks and mends, and a shared store that it makes silent; what is decided is real. */
import type {
  Hold,
  LimitGroup,
  LimitRequest,
  LimitRule,
  LimitStore,
  LimitVerdict,
} from "../limit-store.ts";
import type { RedisState } from "../../redis/redis-link.ts";
import { FrozenClock } from "../../../../test/support/context.ts";
import { Fault } from "../../../pipeline/rejection.ts";
import { GuardedLimitStore } from "./guarded-limit-store.ts";
import { StoreUnavailable } from "../../store-unavailable.ts";
import { MemoryLimitStore } from "../memory-limit-store.ts";
import type { LateUse } from "./late-use.ts";

export class BreakableLink {
  state: RedisState;
  readonly #listeners = new Set<(state: RedisState) => void>();

  constructor(state: RedisState = "up") {
    this.state = state;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  onState(listener: (state: RedisState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  turn(state: RedisState): void {
    this.state = state;
    for (const listener of this.#listeners) listener(state);
  }
}

/** Answers as another process would: never at once. */
export class RemoteStore implements LimitStore {
  readonly counters = new MemoryLimitStore();
  /** Thrown at the next decisions, whatever became of them. */
  failure: Error | undefined;
  readonly finished: (number | undefined)[] = [];
  readonly reports: (readonly LateUse[])[] = [];
  isClosed = false;

  async decide(request: LimitRequest): Promise<LimitVerdict> {
    await Promise.resolve();
    const verdict = this.counters.decide(request);
    if (this.failure) throw this.failure;
    return verdict;
  }

  finish(hold: Hold, cost: number | undefined): void {
    this.finished.push(cost);
    this.counters.finish(hold, cost);
  }

  async addUse(uses: readonly LateUse[]): Promise<void> {
    await Promise.resolve();
    if (this.failure) throw this.failure;
    this.reports.push(uses);
  }

  close(): void {
    this.isClosed = true;
  }
}

export const SILENCE = new StoreUnavailable("no answer in time");

const COMMON = { unit: "requests", speed: "exact", onStoreFailure: "share" } as const;

type Changes = Partial<Pick<LimitRule, "name" | "unit" | "onStoreFailure">>;

/** 10 units at once, 10 more each second. */
export const bucket = (limit: number, changes: Changes = {}): LimitRule => ({
  ...COMMON,
  kind: "bucket",
  name: "rate",
  limit,
  count: 10,
  perMs: 1_000,
  ...changes,
});

export const daily = (limit: number, changes: Changes = {}): LimitRule => ({
  ...COMMON,
  kind: "day",
  timeZone: "UTC",
  name: "daily",
  limit,
  ...changes,
});

export const slots = (limit: number): LimitRule => ({
  ...COMMON,
  kind: "concurrency",
  name: "slots",
  limit,
});

export const groups = (...rules: readonly LimitRule[]): LimitGroup[] => [
  { scope: "route:churn", subject: "key:1", rules },
];

interface WorldOptions {
  readonly replicas?: number | (() => number);
  readonly degradedForMs?: number;
  readonly link?: BreakableLink;
}

export function worldOf({
  replicas = 2,
  degradedForMs = 60_000,
  link = new BreakableLink(),
}: WorldOptions = {}) {
  const shared = new RemoteStore();
  const clock = new FrozenClock();
  const guard = new GuardedLimitStore({
    shared,
    link,
    local: new MemoryLimitStore(),
    replicas: typeof replicas === "number" ? () => replicas : replicas,
    degradedForMs,
    clock,
    reportSpreadMs: 1,
  });
  const decide = (asked: readonly LimitGroup[], cost = 0) =>
    guard.decide({ groups: asked, cost, nowMs: clock.nowMs() });
  /** How many of twenty requests pass; those that nobody can decide do not. */
  const passing = async (...rules: LimitRule[]): Promise<number> => {
    let passed = 0;
    for (let i = 0; i < 20; i++) {
      const verdict = await Promise.resolve(decide(groups(...rules))).catch(faultOf);
      if (!(verdict instanceof Fault) && verdict.isGranted) passed++;
    }
    return passed;
  };
  return { shared, link, clock, guard, decide, passing };
}

const faultOf = (error: unknown): Fault => {
  if (error instanceof Fault && error.code === "limits.store_unavailable") return error;
  throw error;
};
export const denialOf = async (verdict: LimitVerdict | Promise<LimitVerdict>): Promise<Fault> =>
  Promise.resolve(verdict).then(() => {
    throw new Error("decided");
  }, faultOf);
export const remainingOf = ({ readings }: LimitVerdict): number[] =>
  readings.map(({ remaining }) => remaining);
