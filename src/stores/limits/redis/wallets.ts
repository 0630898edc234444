/**
 * Leased limits: units that this process has taken ahead, by counter.
 *
 * The bound: what is here was taken from the shared counter before, so that in any span of time all replicas together let
 * through at most what the rule allows in it, and what they held when it began. Each holds, of one counter, at most
 * `limit / (4 * replicas)` units, rounded down, by the number of replicas it knew when it asked; units not used within
 * `UNITS_LIVE_MS` are given back. A grant ahead is never more than `1 / (4 * replicas)` of what is left, rounded down: near
 * the edge nothing is granted ahead, and each request asks the shared counter.
 */
import type { Corrections } from "./corrections.ts";
import { SHARE_AHEAD } from "./decision-queue.ts";
import { correctionOf, type Part } from "./part.ts";
import type { RuleCode } from "./rule-code.ts";
import { Wallet, type Lot } from "./wallet.ts";

/** Units ahead are given back after this. Raised, an idle replica keeps from others for longer what it does not need. */
export const UNITS_LIVE_MS = 500;
/** Asked again sooner than this: there is enough to do to be worth more units ahead. */
const QUICK_MS = UNITS_LIVE_MS / 2;
/** Counters with units ahead, about 500 bytes each; the others are asked for each request. */
const MAX_WALLETS = 10_000;

export interface WalletsOptions {
  readonly corrections: Corrections;
  readonly replicas: () => number;
  readonly schedule: () => void;
  /** Fills a wallet up in the background. */
  readonly refill: (wallet: Wallet, ahead: number) => void;
}

export class Wallets {
  readonly #options: WalletsOptions;
  readonly #wallets = new Map<string, Wallet>();

  constructor(options: WalletsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#wallets.size;
  }

  get unitsAhead(): number {
    let units = 0;
    for (const { balance } of this.#wallets.values()) units += balance;
    return units;
  }

  /** Takes what there is for one rule of a request. */
  take(part: Part, nowMs: number): void {
    const wallet = this.#walletOf(part);
    if (wallet === undefined) return;
    part.wallet = wallet;
    this.#expire(wallet, nowMs);
    part.lot = wallet.take(part.units);
    if (part.lot === undefined) return;
    part.missing -= part.lot.units;
    wallet.underWay += part.lot.units;
  }

  /** What was taken out is spent. */
  spent(part: Part, nowMs: number): void {
    const { wallet, lot } = part;
    if (wallet === undefined) return;
    if (lot !== undefined) wallet.underWay -= lot.units;
    // One that asked the server asked for units ahead along with its own.
    if (!part.isHere || wallet.isAtEdge || wallet.balance >= wallet.target / 2) return;
    const ahead = this.#ask(wallet, part.units, nowMs);
    if (ahead > 0) this.#options.refill(wallet, ahead);
  }

  putBack(part: Part): void {
    const { wallet, lot } = part;
    if (wallet === undefined || lot === undefined) return;
    wallet.underWay -= lot.units;
    wallet.putBack(lot);
    part.missing += lot.units;
    part.lot = undefined;
  }

  /** How many units to ask for along with a request that has too few. */
  aheadFor(part: Part, nowMs: number): number {
    return part.wallet === undefined ? 0 : this.#ask(part.wallet, part.units, nowMs);
  }

  /** Gives back what was not used in time, and forgets counters that nobody asks for. */
  sweep(nowMs: number): void {
    for (const [key, wallet] of this.#wallets) {
      this.#expire(wallet, nowMs);
      const isUnused = wallet.balance + wallet.underWay === 0 && !wallet.isAsking;
      if (isUnused && nowMs - wallet.askedAtMs > UNITS_LIVE_MS) this.#wallets.delete(key);
    }
  }

  giveAllBack(): void {
    this.sweep(Infinity);
  }

  #walletOf({ key, code }: Part): Wallet | undefined {
    const known = this.#wallets.get(key);
    if (known !== undefined) {
      known.code = code;
      return known;
    }
    if (this.#wallets.size >= MAX_WALLETS || this.most(code) < 1) return undefined;
    const wallet = new Wallet(key, code);
    this.#wallets.set(key, wallet);
    return wallet;
  }

  /** The most that this replica may hold ahead. */
  most({ rule }: RuleCode): number {
    return Math.floor(rule.limit / (SHARE_AHEAD * this.#options.replicas()));
  }

  #ask(wallet: Wallet, units: number, nowMs: number): number {
    return wallet.ask(units, this.most(wallet.code), nowMs, QUICK_MS);
  }

  #expire(wallet: Wallet, nowMs: number): void {
    const over = wallet.expire(nowMs);
    if (over.length === 0) return;
    wallet.shrink();
    for (const lot of over) this.#giveBack(wallet, lot);
  }

  #giveBack({ code, key }: Wallet, lot: Lot): void {
    this.#options.corrections.add(correctionOf(code, key, lot, -lot.units));
    this.#options.schedule();
  }
}
