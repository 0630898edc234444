/**
 * Limits of a shared store that may be away. While it is, each replica decides by its own part of each limit, or as the
 * limit's `onStoreFailure` says, and every such decision says so. It never waits for a store that is known to be away,
 * and never takes silence for a yes.
 *
 * What an outage costs, whatever its length and however many there are: over any span of time all replicas together
 * admit at most what the limit allows, decided by the shared store, and at most what it allows once more, decided by
 * parts. (Parts are rounded down and keep counting from one outage to the next, so they never come to more than one
 * whole limit.) Of a calendar quota each replica gives at most its part of what it last read as left: so all parts
 * together are at most what was left then, and what comes in excess is at most what the store let through afterwards. What
 * was used is reported when the store is back; units whose report got lost are part of this bound, not in addition to
 * it. Slots: as many again as the limit at the most, until the requests that run have ended.
 *
 * It holds while `replicas` tells at least as many as there are, or did within the last minute. A replica that starts
 * anew begins with its part unused: each restart within an outage adds one part. Calendar windows turn by the clock as it
 * was when the outage began: one that is wrong may give its part once for each of the two windows that it has in a true
 * one. What a request costs beyond what it reserved is counted, not prevented, here as in every store.
 */
import type { Clock } from "../../../pipeline/stage.ts";
import { Fault } from "../../../pipeline/rejection.ts";
import type { RedisLink, RedisState } from "../../redis/redis-link.ts";
import { StoreUnavailable } from "../../store-unavailable.ts";
import type { Hold, LimitRequest, LimitRule, LimitStore, LimitVerdict } from "../limit-store.ts";
import { LastRead } from "./last-read.ts";
import { isQuota, LateUseReport, type WindowUse } from "./late-use.ts";
import { isPlan, planOf, toDegraded, type LocalPlan } from "./local-plan.ts";
import { Outage } from "./outage.ts";
import { Shareholders } from "./shareholders.ts";

/** Longest time after the store's return before this replica reports what it let through meanwhile. */
const DEFAULT_REPORT_SPREAD_MS = 2_000;

/**
 * Callers refused because the store is away are told to come back after 1 to this many seconds, in turn, so that they do
 * not all come at once. Raised, they stay away longer from a store that has long been back.
 */
const RETRY_TURNS = 4;

/** Counts in this process, and therefore answers at once. */
export interface LocalLimitStore extends LimitStore {
  decide(request: LimitRequest): LimitVerdict;
}

export interface GuardedLimitStoreOptions {
  /** Closed with the guard. */
  readonly shared: LimitStore;
  /** Of the shared store; not closed with the guard. */
  readonly link: Pick<RedisLink, "state" | "onState">;
  /** For this guard alone, and closed with it. */
  readonly local: LocalLimitStore;
  /** Replicas last known, this one included; better too many than too few: the most within a minute counts. */
  readonly replicas: () => number;
  /** After an outage of this length parts are no longer given: `share` then means `deny`. */
  readonly degradedForMs: number;
  /** `nowMs` is best the shared store's time, as far as it is known: calendar windows of an outage turn by it. */
  readonly clock: Clock;
  /** Default `DEFAULT_REPORT_SPREAD_MS`. */
  readonly reportSpreadMs?: number;
}

/** For metrics; counts since the start. */
export interface GuardSnapshot {
  readonly state: RedisState;
  /** Time without the store so far, this outage included. */
  readonly degradedSeconds: number;
  /** Requests decided without the store, granted or refused, by what they were marked with. */
  readonly decided: { readonly share: number; readonly allow: number };
  /** Requests refused because the store is away. */
  readonly denied: number;
  /** Units let through without the store of which it may never have learned. */
  readonly unreportedUnits: number;
}

const NO_USES: readonly WindowUse[] = [];

/** A hold of the local store; those of the shared one are passed on as they are. */
class LocalHold {
  readonly hold: Hold;
  readonly reservedCost: number;
  /** Quotas that count cost, to be reported once it is known. */
  uses: readonly WindowUse[];

  constructor(hold: Hold, reservedCost: number, uses: readonly WindowUse[]) {
    this.hold = hold;
    this.reservedCost = reservedCost;
    this.uses = uses;
  }
}

export class GuardedLimitStore implements LimitStore {
  readonly #options: GuardedLimitStoreOptions;
  readonly #outage: Outage;
  readonly #shareholders: Shareholders;
  readonly #lastRead = new LastRead();
  readonly #lateUse: LateUseReport;
  readonly #decided = { share: 0, allow: 0 };
  #denied = 0;
  readonly #stopListening: () => void;
  readonly #monotonicMs: () => number;

  constructor(options: GuardedLimitStoreOptions) {
    const { link, shared, clock, reportSpreadMs = DEFAULT_REPORT_SPREAD_MS } = options;
    this.#options = options;
    this.#outage = new Outage(clock);
    this.#shareholders = new Shareholders(options.replicas, clock);
    this.#monotonicMs = () => clock.monotonicMs();
    this.#lateUse = new LateUseReport({
      shared,
      isUp: () => link.state === "up",
      spreadMs: reportSpreadMs,
    });
    if (link.state === "down") this.#outage.turned("down");
    this.#stopListening = link.onState((state) => {
      this.#shareholders.count();
      this.#outage.turned(state);
      this.#lateUse.begin();
    });
  }

  /** Whether decisions are made without the shared store, for `/readyz`. */
  get isDegraded(): boolean {
    return this.#options.link.state === "down";
  }

  snapshot(): GuardSnapshot {
    return {
      state: this.#options.link.state,
      degradedSeconds: this.#outage.downMs / 1000,
      decided: { ...this.#decided },
      denied: this.#denied,
      unreportedUnits: this.#lateUse.lostUnits,
    };
  }

  decide(request: LimitRequest): LimitVerdict | Promise<LimitVerdict> {
    if (this.isDegraded) return this.#decideAlone(request, this.#lateUse);
    const asked = this.#options.shared.decide(request);
    // At once, it was decided from what had been taken ahead: that says nothing about the store.
    if (!(asked instanceof Promise)) return asked;
    return asked.then(
      (verdict) => this.#learn(request, verdict),
      (error: unknown) => {
        if (!(error instanceof StoreUnavailable)) throw error;
        this.#outage.unanswered();
        // Not reported: it may have been counted, and must not be counted twice.
        return this.#decideAlone(request, undefined);
      },
    );
  }

  /** A hold goes back to the store that gave it, also when that one is away: it knows how to catch up. */
  finish(hold: Hold, cost: number | undefined): void {
    if (!(hold instanceof LocalHold)) return this.#options.shared.finish(hold, cost);
    const { uses } = hold;
    hold.uses = NO_USES;
    const isKnown = cost !== undefined && cost >= 0 && cost < Infinity;
    for (const use of uses) this.#lateUse.note(use, isKnown ? cost : hold.reservedCost);
    this.#options.local.finish(hold.hold, cost);
  }

  async close(): Promise<void> {
    this.#stopListening();
    await this.#lateUse.close();
    await this.#options.local.close?.();
    await this.#options.shared.close?.();
  }

  #learn(request: LimitRequest, verdict: LimitVerdict): LimitVerdict {
    // An answer on its way when the store went away is no sign that it is back.
    if (!this.isDegraded) this.#outage.ended();
    this.#lastRead.remember(request.groups, verdict.readings, this.#monotonicMs);
    return verdict;
  }

  #decideAlone(
    request: LimitRequest,
    report: LateUseReport | undefined,
  ): LimitVerdict | Promise<LimitVerdict> {
    const { degradedForMs, local } = this.#options;
    const isOver = this.#outage.lasts() > degradedForMs;
    const replicas = this.#shareholders.count();
    const readAtMs = this.#monotonicMs();
    const plan = planOf(request, {
      isOver,
      partOf: (group, rule) => ({
        replicas,
        remaining: this.#lastRead.remainingOf(group, rule, readAtMs),
      }),
    });
    if (!isPlan(plan)) return Promise.reject(this.#denialBy(plan));
    const nowMs = this.#outage.nowMs();
    const own = local.decide({ ...request, groups: plan.groups, nowMs });
    const verdict = toDegraded(plan, own);
    if (verdict.degraded !== undefined) this.#decided[verdict.degraded]++;
    if (!verdict.isGranted) return verdict;
    const uses = report === undefined ? NO_USES : usesOf(plan, own, nowMs);
    for (const use of uses) if (use.rule.unit === "requests") report?.note(use, 1);
    if (verdict.hold === undefined) return verdict;
    const costUses = uses.filter((use) => use.rule.unit === "cost");
    return { ...verdict, hold: new LocalHold(verdict.hold, request.cost, costUses) };
  }

  #denialBy({ name }: LimitRule): Fault {
    const retryAfterSeconds = 1 + (this.#denied++ % RETRY_TURNS);
    return new Fault(
      "limits.store_unavailable",
      `limit "${name}" cannot be decided without the shared store`,
      { retryAfterSeconds },
    );
  }
}

/** The calendar windows that a granted request was counted in. */
function usesOf(plan: LocalPlan, { readings }: LimitVerdict, nowMs: number): WindowUse[] {
  const uses: WindowUse[] = [];
  let at = 0;
  for (const group of plan.groups)
    for (const rule of group.rules) {
      const resetMs = readings[at++]?.resetMs ?? 0;
      if (isQuota(rule)) uses.push({ group, rule, atMs: nowMs, endsAtMs: nowMs + resetMs });
    }
  return uses;
}
