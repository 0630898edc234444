/** One request that asks the shared counters: it takes what is missing for all its rules at once, or nothing at all. */
import type { LimitVerdict } from "../limit-store.ts";
import { ANSWER_HEAD, ANSWER_NUMBERS, type KeyPlaces, type Question } from "./decision-queue.ts";
import { GRANTED } from "./limit-scripts.ts";
import type { SlotTable } from "./own-slots.ts";
import type { Part } from "./part.ts";
import { windowAt } from "./rule-code.ts";
import { toVerdict } from "./verdict.ts";
import { UNITS_LIVE_MS, type Wallets } from "./wallets.ts";

export interface Counted {
  readonly slots: SlotTable;
  readonly wallets: Wallets;
  readonly monotonicMs: () => number;
}

export interface Outcome {
  resolve(verdict: LimitVerdict): void;
  reject(error: unknown): void;
}

export class Decision implements Question {
  readonly #parts: readonly Part[];
  /** Those that the server is asked about. */
  readonly #asked: readonly Part[];
  readonly #counted: Counted;
  readonly #outcome: Outcome;
  #sentAtMs = 0;

  constructor(parts: readonly Part[], counted: Counted, outcome: Outcome) {
    this.#parts = parts;
    this.#asked = parts.every((part) => !part.isHere)
      ? parts
      : parts.filter((part) => !part.isHere);
    this.#counted = counted;
    this.#outcome = outcome;
  }

  get size(): number {
    return this.#asked.length;
  }

  encode(keys: KeyPlaces, serverMs: number): string {
    this.#sentAtMs = this.#counted.monotonicMs();
    let numbers = "";
    for (const part of this.#asked) {
      const { kind, numbers: fixed } = part.code;
      numbers += ` ${kind} ${keys.of(part.key)} ${part.missing} ${part.ahead} ${fixed}`;
      numbers += this.#moving(part, serverMs);
    }
    return numbers;
  }

  answered(answer: readonly number[], at: number, serverMs: number): void {
    const status = answer[at] as number;
    const nowMs = this.#counted.monotonicMs();
    for (const [index, part] of this.#asked.entries()) {
      const from = at + ANSWER_HEAD + index * ANSWER_NUMBERS;
      part.left = answer[from] as number;
      part.resetMs = answer[from + 1] as number;
      this.#noteAnswer(part, answer[from + 2] as number, serverMs);
    }
    let refusal = this.#refusal(status, answer[at + 1] as number);
    if (refusal === undefined) this.#granted(nowMs);
    else {
      this.#takeBack();
      if (this.#takeAllHere(nowMs)) refusal = undefined;
    }
    this.#outcome.resolve(toVerdict(this.#parts, nowMs, refusal));
  }

  undecided(): void {
    this.#takeBackSlots();
  }

  failed(error: unknown): void {
    for (const part of this.#asked) {
      if (part.ahead > 0 && part.wallet !== undefined) part.wallet.isAsking = false;
      if (part.slots !== undefined) {
        this.#counted.slots.lost(part.slots);
        part.slots = undefined;
      }
    }
    this.#takeBackHere();
    this.#outcome.reject(error);
  }

  /** Numbers that are another time other ones. */
  #moving(part: Part, serverMs: number): string {
    const { quota, isSlots } = part.code;
    if (quota !== undefined) {
      part.window = windowAt(quota, serverMs);
      return ` ${part.window.startMs} ${part.window.endMs} 0`;
    }
    if (!isSlots) return "";
    const counter = this.#counted.slots.asking(part.key);
    part.slots = counter;
    part.askedUnder = counter.epoch;
    return ` ${counter.epoch} ${counter.declared} ${counter.held + counter.spare}`;
  }

  #noteAnswer(part: Part, ahead: number, serverMs: number): void {
    part.settleAt(serverMs);
    if (part.slots !== undefined) part.slots.left = part.left;
    const { wallet, slot, window } = part;
    if (wallet === undefined) return;
    if (part.ahead > 0) {
      wallet.isAsking = false;
      wallet.isAtEdge = ahead === 0;
    }
    wallet.left = part.left;
    wallet.resetAtMs = this.#counted.monotonicMs() + part.resetMs;
    const liveMs = Math.min(UNITS_LIVE_MS, (window?.endMs ?? Infinity) - serverMs);
    wallet.add({ units: ahead, expiresAtMs: this.#sentAtMs + liveMs, slot, window });
  }

  #granted(nowMs: number): void {
    for (const part of this.#parts) {
      if (part.slots !== undefined && !part.isHere) this.#counted.slots.granted(part.slots);
      this.#counted.wallets.spent(part, nowMs);
    }
  }

  #takeBack(): void {
    this.#takeBackSlots();
    this.#takeBackHere();
  }

  #takeBackSlots(): void {
    for (const part of this.#asked) {
      if (part.slots !== undefined) this.#counted.slots.refused(part.slots, part.askedUnder);
      part.slots = undefined;
    }
  }

  /** What was taken in this process. */
  #takeBackHere(): void {
    for (const part of this.#parts) {
      this.#counted.wallets.putBack(part);
      if (part.slots === undefined) continue;
      this.#counted.slots.unused(part.slots);
      part.slots = undefined;
    }
  }

  /** Another request's answer may have brought units ahead meanwhile: nobody is refused what lies here. */
  #takeAllHere(nowMs: number): boolean {
    const { wallets } = this.#counted;
    for (const part of this.#parts) if (part.wallet === undefined || part.units === 0) return false;
    for (const part of this.#parts) wallets.take(part, nowMs);
    if (this.#parts.some((part) => part.missing > 0)) {
      this.#takeBackHere();
      return false;
    }
    for (const part of this.#parts) {
      part.isHere = true;
      wallets.spent(part, nowMs);
    }
    return true;
  }

  #refusal(status: number, waitMs: number): { by: Part; waitMs: number } | undefined {
    if (status === GRANTED) return undefined;
    return { by: this.#asked[status - 1] as Part, waitMs };
  }
}
