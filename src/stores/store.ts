/** What a gateway keeps beyond one request. Rooms above know only this contract, never where it is kept. */
import type { KeyStore } from "./keys/key-store.ts";
import type { LimitStore } from "./limits/limit-store.ts";

export interface Store {
  /** Counters of rate limits, quotas and running requests. */
  readonly limits: LimitStore;
  /** API keys: who holds them, and whether they still open anything. */
  readonly keys: KeyStore;
  /** Frees files, sockets and timers. Called once, after the last request. */
  close(): void | Promise<void>;
}
