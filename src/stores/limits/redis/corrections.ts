/**
 * What has to be corrected in shared counters after a decision: measured cost, slots and units given back. Each is applied
 * exactly once, however often its message is lost: batches are numbered, the server remembers those it has applied, and a
 * batch without an answer is sent again as it was. Nobody waits for it.
 */
import { windowOf } from "../calendar-window.ts";
import type { CalendarPeriod } from "../limit-store.ts";
import type { RedisArgument, RedisLink } from "../../redis/redis-link.ts";
import { KIND_CODES, SETTLE_SCRIPT, type KindCode } from "./limit-scripts.ts";

/** Corrections in one script. Raised, decisions of others wait longer behind one batch. */
const BATCH_SIZE = 128;
/** Different counters that wait to be corrected, about 250 bytes each. Beyond it, corrections are dropped and counted. */
const MAX_WAITING = 50_000;
/** Batches without an answer. While there are so many, corrections wait, and are added up by counter. */
const MAX_UNANSWERED = 64;
/** A batch without an answer is sent again after this. */
const AGAIN_MS = 500;
/** How long the server remembers batches. One that found no answer for nearly so long is dropped: it might count twice. */
const REMEMBERED_MS = 3_600_000;
const GIVE_UP_MS = REMEMBERED_MS - 600_000;

export interface Correction {
  readonly kind: KindCode;
  readonly key: string;
  /** Units; of slots, how many are given back. */
  delta: number;
  /** Two numbers of the kind: count and period, slot length and slot, window start and end, or an epoch. */
  readonly a: number;
  readonly b: number;
  /** Of a quota, to name the window in which units are counted that were used after the end of theirs. */
  readonly calendar?: { readonly kind: CalendarPeriod; readonly timeZone: string } | undefined;
}

interface Batch {
  readonly number: number;
  readonly corrections: readonly Correction[];
  readonly keys: readonly string[];
  readonly numbers: string;
  readonly madeAtMs: number;
  triedAtMs: number;
  isUnderWay: boolean;
}

export interface CorrectionsOptions {
  readonly link: RedisLink;
  readonly owner: string;
  /** Name of the server's memory of applied batches. */
  readonly memoryKey: string;
  readonly leaseMs: number;
  readonly monotonicMs: () => number;
}

export class Corrections {
  readonly #options: CorrectionsOptions;
  readonly #waiting = new Map<string, Correction>();
  /** By number, which is their order too: the first is the lowest that may still be sent. */
  readonly #unanswered = new Map<number, Batch>();
  readonly #underWay = new Set<Promise<void>>();
  #nextNumber = 1;
  #dropped = 0;

  constructor(options: CorrectionsOptions) {
    this.#options = options;
  }

  /** Corrections that have not reached the server, as far as is known. */
  get pending(): number {
    let pending = this.#waiting.size;
    for (const { corrections } of this.#unanswered.values()) pending += corrections.length;
    return pending;
  }

  /** Corrections that were given up; each leaves a counter saying more or less than was used. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Sent by the next `flush`. False when there is no room left. */
  add(correction: Correction): boolean {
    const name = `${correction.key} ${correction.a} ${correction.b}`;
    const waiting = this.#waiting.get(name);
    if (waiting !== undefined) waiting.delta += correction.delta;
    else if (this.#waiting.size < MAX_WAITING) this.#waiting.set(name, correction);
    else {
      this.#dropped++;
      return false;
    }
    return true;
  }

  /** Sends what waits, and again what found no answer. While the store is away, all of it stays. */
  flush(): void {
    if (this.#options.link.state === "down") return;
    this.#sendAgain();
    while (this.#waiting.size > 0 && this.#unanswered.size < MAX_UNANSWERED) this.#sendNext();
  }

  #sendNext(): void {
    const corrections: Correction[] = [];
    for (const [name, correction] of this.#waiting) {
      if (corrections.length === BATCH_SIZE) break;
      this.#waiting.delete(name);
      if (correction.delta !== 0) corrections.push(correction);
    }
    if (corrections.length === 0) return;
    const nowMs = this.#options.monotonicMs();
    const batch: Batch = {
      ...encode(corrections, this.#options.memoryKey),
      number: this.#nextNumber++,
      corrections,
      madeAtMs: nowMs,
      triedAtMs: nowMs,
      isUnderWay: false,
    };
    this.#unanswered.set(batch.number, batch);
    this.#begin(batch);
  }

  #sendAgain(): void {
    const nowMs = this.#options.monotonicMs();
    for (const batch of this.#unanswered.values()) {
      if (batch.isUnderWay || nowMs - batch.triedAtMs < AGAIN_MS) continue;
      if (nowMs - batch.madeAtMs > GIVE_UP_MS) {
        this.#unanswered.delete(batch.number);
        this.#dropped += batch.corrections.length;
      } else this.#begin(batch);
    }
  }

  /** Ends when what was sent so far has been answered or has failed, or the time is up. */
  async answered(limitMs: number): Promise<void> {
    const timer = Promise.withResolvers<void>();
    const timeout = setTimeout(timer.resolve, limitMs);
    await Promise.race([Promise.all(this.#underWay), timer.promise]);
    clearTimeout(timeout);
  }

  #begin(batch: Batch): void {
    const sent = this.#send(batch);
    this.#underWay.add(sent);
    void sent.finally(() => this.#underWay.delete(sent));
  }

  async #send(batch: Batch): Promise<void> {
    batch.isUnderWay = true;
    batch.triedAtMs = this.#options.monotonicMs();
    try {
      const answer = await this.#options.link.script(SETTLE_SCRIPT, batch.keys, this.#args(batch));
      this.#unanswered.delete(batch.number);
      this.#nameWindows(batch, answer);
    } catch {
      // Whatever it was: the batch stays, and is sent again.
    } finally {
      batch.isUnderWay = false;
    }
  }

  #args({ number, numbers }: Batch): RedisArgument[] {
    const { owner, leaseMs } = this.#options;
    const [lowest = number] = this.#unanswered.keys();
    return [owner, leaseMs, number, lowest, REMEMBERED_MS, numbers];
  }

  /** What was used after the end of its window is counted in the one that the server's time is in. */
  #nameWindows({ corrections }: Batch, answer: unknown): void {
    if (!Array.isArray(answer)) return;
    const [nowMs, ...late] = answer.map(Number);
    for (const place of late) {
      const correction = corrections[place];
      if (correction?.calendar === undefined || nowMs === undefined) continue;
      const { kind, timeZone } = correction.calendar;
      const { startMs, endMs } = windowOf(kind, timeZone, nowMs);
      this.add({ ...correction, a: startMs, b: endMs });
    }
    if (late.length > 0) this.flush();
  }
}

function encode(
  corrections: readonly Correction[],
  memoryKey: string,
): Pick<Batch, "keys" | "numbers"> {
  const places = new Map<string, number>([[memoryKey, 1]]);
  const numbers: number[] = [];
  for (const { kind, key, delta, a, b } of corrections) {
    let place = places.get(key);
    if (place === undefined) places.set(key, (place = places.size + 1));
    numbers.push(kind, place, delta, a, b);
  }
  return { keys: [...places.keys()], numbers: numbers.join(" ") };
}

/** A slot of that counter has become free. */
export const slotsGivenBack = (key: string, count: number, epoch: number): Correction => ({
  kind: KIND_CODES.slots,
  key,
  delta: count,
  a: epoch,
  b: 0,
});
