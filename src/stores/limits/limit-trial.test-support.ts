/** What the contract's tests are written in: rules in short, and one store with its clock and what is often asked of it. */
import {
  type BucketRule,
  type CalendarPeriod,
  type ConcurrencyRule,
  type LimitGroup,
  type LimitRule,
  type LimitStore,
  type LimitUnit,
  type LimitVerdict,
  type QuotaRule,
  type SlidingRule,
} from "./limit-store.ts";

/** A store, empty, and the clock that it goes by. */
export interface OpenStore {
  readonly store: LimitStore;
  /** Milliseconds of the store's clock. */
  nowMs(): number;
  /** Moves an exact clock, back too; with any other it waits for real. */
  advance(ms: number): Promise<void>;
  /** Resolves when what `finish` has sent has arrived; a store in this process has no need of it. */
  settled?(): Promise<void>;
  close(): Promise<void>;
}

export interface StoreUnderTest {
  readonly make: () => Promise<OpenStore>;
  /** The clock stands still but for `advance`. Otherwise only tests that stand a running clock are run. */
  readonly isExactClock: boolean;
}

export type Granted = Extract<LimitVerdict, { isGranted: true }>;
export type Refused = Extract<LimitVerdict, { isGranted: false }>;

const COMMON = { speed: "exact", onStoreFailure: "deny" } as const;

export const bucket = (
  limit: number,
  count: number,
  perMs: number,
  unit: LimitUnit = "requests",
): BucketRule => ({ ...COMMON, kind: "bucket", name: "rate", limit, count, perMs, unit });

export const sliding = (
  limit: number,
  windowMs: number,
  unit: LimitUnit = "requests",
): SlidingRule => ({ ...COMMON, kind: "sliding", name: "sliding", limit, windowMs, unit });

export const quota = (
  kind: CalendarPeriod,
  limit: number,
  unit: LimitUnit = "requests",
  timeZone = "UTC",
): QuotaRule => ({ ...COMMON, kind, name: kind, limit, unit, timeZone });

export const concurrency = (limit: number): ConcurrencyRule => ({
  ...COMMON,
  kind: "concurrency",
  name: "concurrency",
  limit,
  unit: "requests",
});

/** One group of one subject. */
export const group = (...rules: LimitRule[]): LimitGroup[] => [
  { scope: "route", subject: "a", rules },
];

export const remaining = ({ readings }: LimitVerdict): number[] =>
  readings.map((reading) => reading.remaining);

/** One store in one test. */
export class Trial {
  readonly #open: OpenStore;

  constructor(open: OpenStore) {
    this.#open = open;
  }

  get store(): LimitStore {
    return this.#open.store;
  }

  get nowMs(): number {
    return this.#open.nowMs();
  }

  advance(ms: number): Promise<void> {
    return this.#open.advance(ms);
  }

  goTo(ms: number): Promise<void> {
    return this.advance(ms - this.nowMs);
  }

  async ask(groups: readonly LimitGroup[], cost = 0): Promise<LimitVerdict> {
    return this.store.decide({ groups, cost, nowMs: this.nowMs });
  }

  async granted(groups: readonly LimitGroup[], cost = 0): Promise<Granted> {
    const verdict = await this.ask(groups, cost);
    if (!verdict.isGranted) throw new Error(`refused by ${verdict.refusedBy.rule.name}`);
    return verdict;
  }

  async refused(groups: readonly LimitGroup[], cost = 0): Promise<Refused> {
    const verdict = await this.ask(groups, cost);
    if (verdict.isGranted) throw new Error("granted");
    return verdict;
  }

  /** How many of `attempts` requests, one after the other, pass. */
  async passing(groups: readonly LimitGroup[], attempts = 50, cost = 0): Promise<number> {
    let passed = 0;
    for (let i = 0; i < attempts; i++) if ((await this.ask(groups, cost)).isGranted) passed++;
    return passed;
  }

  async finish({ hold }: Granted, cost?: number): Promise<void> {
    if (!hold) throw new Error("there is no hold");
    this.store.finish(hold, cost);
    await this.#open.settled?.();
  }
}

/** Makes the body of a test: a store of its own, closed afterwards. */
export type WithTrial = (body: (trial: Trial) => Promise<void>) => () => Promise<void>;

export const withTrials =
  ({ make }: StoreUnderTest): WithTrial =>
  (body) =>
  async () => {
    const open = await make();
    try {
      await body(new Trial(open));
    } finally {
      await open.close();
    }
  };
