/**
 * The slots that this process holds of counters of concurrency, and their renewal. What this process says it holds is the
 * truth, which it declares again and again under new epochs (`lua-slots.ts` has the rules): so whatever was lost on the
 * way, a slot can never stay taken that nobody uses, and one in use is never counted as free while its lease lasts.
 */
import type { RedisLink } from "../../redis/redis-link.ts";
import { slotsGivenBack, type Corrections } from "./corrections.ts";
import { RENEW_SCRIPT } from "./limit-scripts.ts";

/** Counters declared in one script. */
const RENEWAL_SIZE = 200;
/**
 * Counters declared anew because an answer was lost, about 200 bytes each; beyond it the lease ends what is wrong. Raised, a
 * server that answers no decision is sent more declarations.
 */
export const MAX_IN_DOUBT = 10_000;

/** One counter, as far as this process uses it. */
export class OwnSlots {
  readonly key: string;
  epoch: number;
  /** What was declared at the beginning of the epoch. */
  declared = 0;
  /** Of running requests. */
  held = 0;
  /** Free, and kept for the next request. */
  spare = 0;
  /** The limit under which they were granted: a smaller one may not allow them. */
  spareLimit = 0;
  spareUntilMs = 0;
  /** Decisions under way: whether they took a slot is not known yet. */
  asked = 0;
  /** Free slots of all owners, when the server was last asked. */
  left = 0;
  /** Declarations under way. */
  declaring = 0;

  constructor(key: string, epoch: number) {
    this.key = key;
    this.epoch = epoch;
  }
}

export interface SlotTableOptions {
  readonly link: RedisLink;
  readonly owner: string;
  readonly leaseMs: number;
  readonly corrections: Corrections;
  readonly schedule: () => void;
}

export class SlotTable {
  readonly #options: SlotTableOptions;
  readonly #counters = new Map<string, OwnSlots>();
  readonly #inDoubt = new Set<OwnSlots>();
  /** Never used twice by this process, so that a counter it forgot and uses again is declared anew. */
  #epoch = 1;
  renewals = 0;

  constructor(options: SlotTableOptions) {
    this.#options = options;
  }

  /** Counters known; those that say nothing are forgotten. */
  get size(): number {
    return this.#counters.size;
  }

  get held(): number {
    return this.#sum((counter) => counter.held);
  }

  get spare(): number {
    return this.#sum((counter) => counter.spare);
  }

  /** A spare slot, at once; undefined when there is none. */
  reuse(key: string, limit: number, nowMs: number): OwnSlots | undefined {
    const counter = this.#counters.get(key);
    if (counter === undefined || counter.spare === 0) return undefined;
    if (nowMs >= counter.spareUntilMs || limit < counter.spareLimit) {
      this.#giveBackSpares(counter);
      return undefined;
    }
    counter.spare--;
    counter.held++;
    return counter;
  }

  /** One that was spare was not needed after all. */
  unused(counter: OwnSlots): void {
    counter.held--;
    counter.spare++;
  }

  /** A decision is sent. */
  asking(key: string): OwnSlots {
    const counter = this.#of(key);
    counter.asked++;
    return counter;
  }

  granted(counter: OwnSlots): void {
    counter.asked--;
    counter.held++;
  }

  refused(counter: OwnSlots, askedUnder: number): void {
    counter.asked--;
    // A declaration meanwhile has counted it as if it held a slot.
    if (counter.epoch !== askedUnder) this.#giveBack(counter, 1);
    this.#forgetIfUnused(counter);
  }

  /** No answer: it may have taken a slot, which the next declaration leaves out. */
  lost(counter: OwnSlots): void {
    counter.asked--;
    this.#doubt(counter);
    this.#forgetIfUnused(counter);
  }

  /** A running request has ended. */
  finished(counter: OwnSlots): void {
    counter.held--;
    this.#giveBack(counter, 1);
    this.#forgetIfUnused(counter);
  }

  /** The same, but its slot stays with this process for a moment. */
  kept(counter: OwnSlots, limit: number, untilMs: number): void {
    counter.held--;
    counter.spare++;
    counter.spareLimit = Math.max(limit, counter.spare === 1 ? 0 : counter.spareLimit);
    counter.spareUntilMs = untilMs;
  }

  giveBackSpares(nowMs: number): void {
    for (const counter of this.#counters.values()) {
      if (counter.spare > 0 && nowMs >= counter.spareUntilMs) this.#giveBackSpares(counter);
    }
  }

  /** Declares all counters: their leases begin anew, and what the server counted otherwise is put right. */
  renewAll(): void {
    this.#renew([...this.#counters.values()]);
  }

  renewDoubtful(): void {
    if (this.#inDoubt.size > 0) this.#renew([...this.#inDoubt]);
  }

  #of(key: string): OwnSlots {
    let counter = this.#counters.get(key);
    if (counter === undefined) {
      counter = new OwnSlots(key, this.#epoch++);
      this.#counters.set(key, counter);
    }
    return counter;
  }

  #renew(counters: readonly OwnSlots[]): void {
    if (this.#options.link.state === "down") return;
    for (let at = 0; at < counters.length; at += RENEWAL_SIZE)
      void this.#declare(counters.slice(at, at + RENEWAL_SIZE));
  }

  async #declare(counters: readonly OwnSlots[]): Promise<void> {
    const numbers: number[] = [];
    for (const [place, counter] of counters.entries()) {
      counter.epoch = this.#epoch++;
      // Decisions under way count as granted: those that are not are given back one by one.
      counter.declared = counter.held + counter.spare + counter.asked;
      counter.declaring++;
      this.#inDoubt.delete(counter);
      numbers.push(place + 1, counter.declared, counter.epoch);
    }
    this.renewals++;
    const { link, owner, leaseMs } = this.#options;
    const keys = counters.map(({ key }) => key);
    try {
      await link.script(RENEW_SCRIPT, keys, [owner, leaseMs, numbers.join(" ")]);
    } catch {
      for (const counter of counters) this.#doubt(counter);
    }
    for (const counter of counters) {
      counter.declaring--;
      this.#forgetIfUnused(counter);
    }
  }

  #giveBack(counter: OwnSlots, count: number): void {
    const { corrections, schedule } = this.#options;
    const isNoted = corrections.add(slotsGivenBack(counter.key, count, counter.epoch));
    // It may overtake the declaration of its epoch, and do nothing: then only the next one tells.
    if (!isNoted || counter.declaring > 0) this.#doubt(counter);
    schedule();
  }

  #doubt(counter: OwnSlots): void {
    if (this.#inDoubt.size < MAX_IN_DOUBT) this.#inDoubt.add(counter);
  }

  #giveBackSpares(counter: OwnSlots): void {
    this.#giveBack(counter, counter.spare);
    counter.spare = 0;
    this.#forgetIfUnused(counter);
  }

  #forgetIfUnused(counter: OwnSlots): void {
    const { held, spare, asked, declaring } = counter;
    if (held + spare + asked + declaring > 0 || this.#inDoubt.has(counter)) return;
    this.#counters.delete(counter.key);
  }

  #sum(of: (counter: OwnSlots) => number): number {
    let sum = 0;
    for (const counter of this.#counters.values()) sum += of(counter);
    return sum;
  }
}
