/**
 * The memory that all linear matchers of a rule set share for what they remember; who was not asked for longest gives up
 * first. It never changes what matches.
 */

/** What keeps memory it can give back. */
export interface Forgetful {
  readonly usedBytes: number;
  forget(): void;
}

/**
 * Bytes for the states of all matchers of a rule set. An attacker with ever new shapes fills it, and then honest long
 * values wait some milliseconds for their states; raised, he fills more.
 */
const MEMORY_LIMIT_BYTES = 16_777_216;
/** Down to this share, so that the next state does not evict the next matcher. */
const KEPT_SHARE = 0.75;

export class MatcherCache {
  /** Times a matcher had to forget, so far. */
  evictions = 0;
  readonly #limitBytes: number;
  /** In the order of their last use, oldest first. */
  readonly #usedBytes = new Map<Forgetful, number>();
  #totalBytes = 0;

  constructor(limitBytes: number = MEMORY_LIMIT_BYTES) {
    this.#limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#totalBytes;
  }

  /** To be called whenever a matcher has been used; others, or it, may be made to forget. */
  touch(matcher: Forgetful): void {
    const { usedBytes } = matcher;
    this.#totalBytes += usedBytes - (this.#usedBytes.get(matcher) ?? 0);
    this.#usedBytes.delete(matcher);
    this.#usedBytes.set(matcher, usedBytes);
    if (this.#totalBytes > this.#limitBytes) this.#evict();
  }

  #evict(): void {
    for (const [matcher, usedBytes] of this.#usedBytes) {
      if (this.#totalBytes <= this.#limitBytes * KEPT_SHARE) return;
      matcher.forget();
      this.evictions++;
      this.#totalBytes -= usedBytes;
      this.#usedBytes.delete(matcher);
    }
  }
}
