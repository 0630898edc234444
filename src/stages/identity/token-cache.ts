/**
 * Tokens verified a moment ago, by the SHA-256 of their exact bytes: verifying costs 75 microseconds, finding one here
 * about one. Only tokens that verified get in, so strangers cannot fill it; the token itself is not kept.
 */
import type { AuthenticatedIdentity } from "../../pipeline/facts.ts";
import type { KeySource } from "./key-source.ts";

/** About 20 MB when full. More costs memory; fewer makes busy tokens be verified again. */
export const DEFAULT_CACHE_ENTRIES = 10_000;
/** A minute: the longest a token outlives a change that the keys do not show. Raising it delays every such change. */
export const DEFAULT_CACHE_LIFETIME_MS = 60_000;

export interface VerifiedToken {
  /** What the stage answers, made once so that a hit allocates nothing. */
  readonly decision: { readonly verdict: "continue"; readonly learned: AuthenticatedIdentity };
  /** The field in which its issuer's tokens come; in another it is no token. */
  readonly field: string;
  readonly keys: KeySource;
  /** The generation of `keys` it was verified with. */
  readonly generation: number;
  /** Wall clock: the token's own end, skew included. */
  readonly validUntilMs: number;
  /** Monotonic clock: when it must be verified again in any case; a wall clock set back must not prolong it. */
  readonly freshUntilMs: number;
  /** `x5t#S256` of the certificate it is bound to (RFC 8705); compared at every request, never remembered. */
  readonly boundTo: string | undefined;
}

/**
 * Two maps take turns: when the young one is half the capacity it becomes the old one, and what was not asked for since
 * then is dropped with the one before. As good as least-recently-used here, without moving an entry at each hit.
 */
export class TokenCache {
  readonly #half: number;
  #young = new Map<string, VerifiedToken>();
  #old = new Map<string, VerifiedToken>();

  constructor(entries: number) {
    this.#half = Math.ceil(entries / 2);
  }

  get(digest: string): VerifiedToken | undefined {
    const found = this.#young.get(digest);
    if (found !== undefined) return found;
    const aged = this.#old.get(digest);
    if (aged !== undefined) this.set(digest, aged);
    return aged;
  }

  set(digest: string, token: VerifiedToken): void {
    if (this.#half === 0) return;
    if (this.#young.size >= this.#half) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(digest, token);
  }

  delete(digest: string): void {
    this.#young.delete(digest);
    this.#old.delete(digest);
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }
}
