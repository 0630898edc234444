/**
 * Remembers the `jti` of tokens that may be used only once. It must never forget one that could still be used: when it
 * is full of such tokens, further ones cannot be checked and are a fault, not a pass.
 */
import { Fault } from "../../pipeline/rejection.ts";

/** About 15 MB. It bounds memory; an issuer with more living single-use tokens needs shorter-lived ones. */
const DEFAULT_REPLAY_ENTRIES = 100_000;

export class ReplayMemory {
  readonly #usedUntilMs = new Map<string, number>();
  readonly #limit: number;

  constructor(limit: number = DEFAULT_REPLAY_ENTRIES) {
    this.#limit = limit;
  }

  /** True the first time. `untilMs` is when the token ends by itself and can be forgotten. */
  isFirstUse(tokenId: string, { nowMs, untilMs }: { nowMs: number; untilMs: number }): boolean {
    if (this.#usedUntilMs.has(tokenId)) return false;
    if (this.#usedUntilMs.size >= this.#limit) this.#forget(nowMs);
    if (this.#usedUntilMs.size >= this.#limit)
      throw new Fault("identity.keys_unavailable", "the memory of used tokens is full");
    this.#usedUntilMs.set(tokenId, untilMs);
    return true;
  }

  #forget(nowMs: number): void {
    for (const [tokenId, untilMs] of this.#usedUntilMs)
      if (untilMs <= nowMs) this.#usedUntilMs.delete(tokenId);
  }
}
