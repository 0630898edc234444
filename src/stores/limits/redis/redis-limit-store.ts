/**
 * Limits counted in Redis, for all replicas together. One script decides everything of a request as one step, by the
 * server's clock; it never lets through more than the rules say, whatever is lost, repeated or late on the way. Leased
 * rules are the exception that `wallets.ts` bounds: units taken ahead are spent here without asking.
 */
import { randomBytes } from "node:crypto";
import { StoreUnavailable } from "../../store-unavailable.ts";
import type { KeyPrefix, RedisLink } from "../../redis/redis-link.ts";
import type { Hold, LimitRequest, LimitStore, LimitVerdict } from "../limit-store.ts";
import type { LateUse, TakesLateUse } from "../guarded/late-use.ts";
import { Corrections } from "./corrections.ts";
import { CounterKeys, toSubject } from "./counter-keys.ts";
import { Decision, type Counted } from "./decision.ts";
import { DecisionQueue } from "./decision-queue.ts";
import { SlotTable } from "./own-slots.ts";
import { correctionOf, Part, toUnits } from "./part.ts";
import { codeOf, codesOf, windowAt } from "./rule-code.ts";
import { ServerClock } from "./server-clock.ts";
import type { RedisLimitsSnapshot } from "./redis-limits-snapshot.ts";
import { RedisHold, toVerdict } from "./verdict.ts";
import type { Wallet } from "./wallet.ts";
import { Wallets } from "./wallets.ts";

/** Slots of a process that has crashed end after this. Lowered, a pause of the process may lose it slots it uses. */
export const DEFAULT_LEASE_MS = 15_000;
/** Renewed so often within a lease: that many in a row may be lost but one. */
const RENEWALS_PER_LEASE = 3;
/** Spare slots and units ahead are looked through so often. */
const TICK_MS = 100;
/** A slot that has become free is kept for the next request for so long, where the rule is leased. */
const SPARE_SLOT_MS = 200;
/** 128 bits: no two processes share it. */
const OWNER_BYTES = 16;
/** A process that ends waits this long for what it gives back to arrive. */
const CLOSE_LIMIT_MS = 1_000;

export interface RedisLimitStoreOptions {
  readonly link: RedisLink;
  readonly prefix: KeyPrefix;
  /** How many replicas share the limits now, at least 1. */
  readonly replicas: () => number;
  /** Default `DEFAULT_LEASE_MS`. */
  readonly leaseMs?: number;
  /** Of this machine; never goes back. Default `performance.now`. */
  readonly monotonicMs?: () => number;
}

export class RedisLimitStore implements LimitStore, TakesLateUse {
  readonly #monotonicMs: () => number;
  readonly #keys: CounterKeys;
  readonly #clock: ServerClock;
  readonly #corrections: Corrections;
  readonly #slots: SlotTable;
  readonly #wallets: Wallets;
  readonly #queue: DecisionQueue;
  readonly #counted: Counted;
  readonly #endLink: () => void;
  readonly #tick: NodeJS.Timeout;
  readonly #renewal: NodeJS.Timeout;
  #isScheduled = false;
  #isClosed = false;
  #decisionsHere = 0;

  constructor({ link, prefix, replicas, leaseMs, monotonicMs }: RedisLimitStoreOptions) {
    const owner = randomBytes(OWNER_BYTES).toString("base64url");
    const shared = { link, owner, leaseMs: leaseMs ?? DEFAULT_LEASE_MS };
    const schedule = (): void => this.#schedule();
    this.#monotonicMs = monotonicMs ?? (() => performance.now());
    this.#keys = new CounterKeys(prefix);
    this.#clock = new ServerClock(this.#monotonicMs, Date.now());
    this.#corrections = new Corrections({
      ...shared,
      memoryKey: this.#keys.corrections(owner),
      monotonicMs: this.#monotonicMs,
    });
    this.#slots = new SlotTable({ ...shared, corrections: this.#corrections, schedule });
    this.#wallets = new Wallets({
      corrections: this.#corrections,
      replicas,
      schedule,
      refill: (wallet, ahead) => this.#refill(wallet, ahead),
    });
    this.#queue = new DecisionQueue({
      ...shared,
      replicas,
      serverMs: () => this.#clock.nowMs(),
      onTime: (serverMs) => this.#clock.note(serverMs),
    });
    this.#counted = {
      slots: this.#slots,
      wallets: this.#wallets,
      monotonicMs: this.#monotonicMs,
    };
    this.#tick = setInterval(() => this.#lookThrough(), TICK_MS).unref();
    this.#renewal = setInterval(
      () => this.#slots.renewAll(),
      shared.leaseMs / RENEWALS_PER_LEASE,
    ).unref();
    this.#endLink = link.onState((state) => {
      if (state === "down") return;
      this.#slots.renewAll();
      this.#corrections.flush();
    });
  }

  decide(request: LimitRequest): LimitVerdict | Promise<LimitVerdict> {
    if (this.#isClosed) return Promise.reject(new StoreUnavailable("the limits are closed"));
    const nowMs = this.#monotonicMs();
    const parts = this.#partsOf(request);
    let isHere = true;
    for (const part of parts) {
      if (part.code.isLeased) this.#takeHere(part, nowMs);
      if (!part.isHere) isHere = false;
    }
    if (!isHere) return this.#ask(parts, nowMs);
    for (const part of parts) this.#wallets.spent(part, nowMs);
    this.#decisionsHere++;
    return toVerdict(parts, nowMs, undefined);
  }

  finish(hold: Hold, cost: number | undefined): void {
    if (!(hold instanceof RedisHold)) return;
    for (const part of hold.release()) {
      if (part.slots !== undefined) this.#finishSlot(part);
      else if (cost !== undefined && cost >= 0 && cost < Infinity) this.#finishCost(part, cost);
    }
  }

  /** Adds what was used while the store was away to quotas whose window is still running, exactly once. */
  addUse(uses: readonly LateUse[]): Promise<void> {
    for (const { scope, subject, rule, units, atMs } of uses) {
      const code = codeOf(rule);
      const key = this.#keys.scope(scope) + code.name + toSubject(subject);
      const { calendar: _, ...correction } = correctionOf(
        code,
        key,
        { slot: 0, window: windowAt(rule, atMs) },
        toUnits(units),
      );
      if (!this.#corrections.add(correction))
        return Promise.reject(new StoreUnavailable("too many corrections wait for the store"));
    }
    this.#schedule();
    return Promise.resolve();
  }

  /** What the server's clock is thought to say. */
  nowMs(): number {
    return this.#clock.nowMs();
  }

  snapshot(): RedisLimitsSnapshot {
    return {
      decisionsAsked: this.#queue.decisions,
      decisionsHere: this.#decisionsHere,
      roundTrips: this.#queue.roundTrips,
      failedRoundTrips: this.#queue.failures,
      staleWindows: this.#queue.stale,
      wallets: this.#wallets.size,
      unitsAhead: this.#wallets.unitsAhead,
      slotsHeld: this.#slots.held,
      slotsSpare: this.#slots.spare,
      renewals: this.#slots.renewals,
      correctionsPending: this.#corrections.pending,
      correctionsDropped: this.#corrections.dropped,
    };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#tick);
    clearInterval(this.#renewal);
    this.#endLink();
    this.#wallets.giveAllBack();
    this.#slots.giveBackSpares(Infinity);
    this.#flush();
    await this.#corrections.answered(CLOSE_LIMIT_MS);
  }

  #partsOf({ groups, cost }: LimitRequest): Part[] {
    const parts: Part[] = [];
    const units = toUnits(cost);
    for (const { scope, subject, rules } of groups) {
      const start = this.#keys.scope(scope);
      const end = toSubject(subject);
      for (const code of codesOf(rules))
        parts.push(new Part(code, start + code.name + end, code.isCost ? units : 1));
    }
    return parts;
  }

  #takeHere(part: Part, nowMs: number): void {
    if (part.code.isSlots) {
      part.slots = this.#slots.reuse(part.key, part.code.rule.limit, nowMs);
      part.isHere = part.slots !== undefined;
      return;
    }
    this.#wallets.take(part, nowMs);
    const { wallet, units, missing } = part;
    part.isHere = missing === 0 && (units > 0 || (wallet !== undefined && wallet.balance > 0));
  }

  #ask(parts: readonly Part[], nowMs: number): Promise<LimitVerdict> {
    for (const part of parts) if (!part.isHere) part.ahead = this.#wallets.aheadFor(part, nowMs);
    return new Promise((resolve, reject) => {
      this.#queue.add(new Decision(parts, this.#counted, { resolve, reject }));
      this.#schedule();
    });
  }

  #refill(wallet: Wallet, ahead: number): void {
    const part = new Part(wallet.code, wallet.key, 0);
    part.wallet = wallet;
    part.ahead = ahead;
    this.#queue.add(new Decision([part], this.#counted, NOBODY));
    this.#schedule();
  }

  #finishSlot({ code, slots }: Part): void {
    if (slots === undefined) return;
    const mayKeep = code.isLeased && !this.#isClosed && slots.spare < this.#wallets.most(code);
    if (mayKeep) this.#slots.kept(slots, code.rule.limit, this.#monotonicMs() + SPARE_SLOT_MS);
    else this.#slots.finished(slots);
  }

  #finishCost({ code, key, units, origin }: Part, cost: number): void {
    const delta = toUnits(cost) - units;
    if (delta === 0) return;
    this.#corrections.add(correctionOf(code, key, origin, delta));
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#flush());
  }

  /** What was given back goes first, so that a request that comes after it finds it. */
  #flush(): void {
    this.#isScheduled = false;
    this.#corrections.flush();
    this.#queue.flush();
  }

  #lookThrough(): void {
    const nowMs = this.#monotonicMs();
    this.#wallets.sweep(nowMs);
    this.#slots.giveBackSpares(nowMs);
    this.#slots.renewDoubtful();
    this.#corrections.flush();
  }
}

const NOBODY = { resolve: () => {}, reject: () => {} };
