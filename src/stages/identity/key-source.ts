/**
 * The life of one issuer's keys: fetched before they are needed, refreshed in the background, kept while the key server
 * is down. It must never let a stranger's tokens make it fetch more often than its own clock allows, and never call a
 * token bad because the keys could not be had.
 */
import { Fault } from "../../pipeline/rejection.ts";
import type { Clock } from "../../pipeline/stage.ts";
import type { KeySet, VerificationKey } from "./key-set.ts";

/** First wait after a failed fetch; doubles up to the refresh interval. */
const FIRST_BACK_OFF_MS = 1_000;
/** A caller told to come back later than this gives up instead. */
const MAX_RETRY_AFTER_SECONDS = 60;

export interface KeySource {
  /** Changes whenever the keys change: what was verified with an earlier generation must be verified again. */
  readonly generation: number;
  /**
   * The key of that name; undefined when the issuer has none; a promise when the keys are on their way, after which to
   * ask once more with `mayWait` false. Throws a `Fault` when that cannot be known.
   */
  lookup(keyId: string | undefined, mayWait: boolean): VerificationKey | undefined | Promise<void>;
  close(): void;
}

/** Keys that never change: a shared secret. */
export function fixedKeys(set: KeySet): KeySource {
  return { generation: 1, lookup: (keyId) => set.find(keyId), close: () => undefined };
}

/** A key document and when it was last confirmed, on the monotonic clock. */
export interface KeptKeys {
  readonly document: Buffer;
  readonly loadedAtMs: number;
}

/** Something an operator should know about an issuer's keys. */
export interface KeyNotice {
  readonly issuer: string;
  readonly kind: "keys_loaded" | "keys_refused" | "keys_failed";
  readonly detail: string;
}

export interface KeySourceOptions {
  readonly issuerName: string;
  readonly clock: Clock;
  /** Gets the document; may fail in any way. */
  readonly load: () => Promise<Buffer>;
  /** Makes keys of it; throws when the set is refused. */
  readonly read: (document: Buffer) => Promise<KeySet>;
  readonly refreshMs: number;
  readonly cooldownMs: number;
  readonly staleLimitMs: number;
  readonly notice: (notice: KeyNotice) => void;
}

export class RefreshingKeys implements KeySource {
  generation = 0;
  readonly #options: KeySourceOptions;
  #set: KeySet | undefined;
  #document: Buffer | undefined;
  #loadedAtMs = -Infinity;
  #attemptedAtMs = -Infinity;
  #failures = 0;
  #retryAtMs = 0;
  #lastError: unknown;
  #flight: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: KeySourceOptions) {
    this.#options = options;
  }

  /**
   * Fetches for the first time; settles either way, so that a key server that is down does not stop the gateway. `kept`
   * is what the same source last gave to the configuration before this one; its age goes on counting.
   */
  async start(kept?: KeptKeys): Promise<void> {
    if (kept) await this.#takeOver(kept);
    await this.#refresh();
  }

  /** What the next configuration may start with. */
  get kept(): KeptKeys | undefined {
    return this.#document && { document: this.#document, loadedAtMs: this.#loadedAtMs };
  }

  /** The last failure, if the last attempt failed. */
  get failure(): unknown {
    return this.#failures > 0 ? this.#lastError : undefined;
  }

  lookup(keyId: string | undefined, mayWait: boolean): VerificationKey | undefined | Promise<void> {
    const nowMs = this.#options.clock.monotonicMs();
    const isUsable = nowMs - this.#loadedAtMs <= this.#options.staleLimitMs;
    const key = isUsable ? this.#set?.find(keyId) : undefined;
    if (key !== undefined) return key;
    if (mayWait && this.#flight) return this.#flight;
    if (mayWait && nowMs >= this.#earliestFetchMs()) return this.#refresh();
    // The issuer has just said that it has no such key. Had its last answer failed, we could not know.
    if (isUsable && this.#failures === 0) return undefined;
    const seconds = Math.ceil((this.#retryAtMs - nowMs) / 1000);
    throw new Fault("identity.keys_unavailable", `no keys of issuer ${this.#options.issuerName}`, {
      cause: this.#lastError,
      retryAfterSeconds: Math.min(Math.max(seconds, 1), MAX_RETRY_AFTER_SECONDS),
    });
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  /** Unknown key names may hurry a fetch, but not past the cooldown, nor past the back-off after failures. */
  #earliestFetchMs(): number {
    return this.#failures > 0 ? this.#retryAtMs : this.#attemptedAtMs + this.#options.cooldownMs;
  }

  /** One flight at a time; never rejects. */
  #refresh(): Promise<void> {
    this.#flight ??= this.#attempt().finally(() => {
      this.#flight = undefined;
      this.#schedule();
    });
    return this.#flight;
  }

  async #attempt(): Promise<void> {
    const { clock, issuerName, load, notice } = this.#options;
    this.#attemptedAtMs = clock.monotonicMs();
    try {
      await this.#take(await load());
      this.#failures = 0;
      this.#loadedAtMs = clock.monotonicMs();
    } catch (error) {
      this.#failures++;
      this.#lastError = error;
      this.#retryAtMs = clock.monotonicMs() + this.#backOffMs();
      const detail = error instanceof Error ? error.message : String(error);
      notice({ issuer: issuerName, kind: "keys_failed", detail });
    }
  }

  async #takeOver({ document, loadedAtMs }: KeptKeys): Promise<void> {
    try {
      await this.#take(document);
      this.#loadedAtMs = loadedAtMs;
    } catch {
      // None of them fits this configuration's algorithms: as good as none kept.
    }
  }

  /** Same bytes, same generation: a refresh that brings nothing new must not empty the cache of verified tokens. */
  async #take(document: Buffer): Promise<void> {
    if (this.#document?.equals(document)) return;
    const { issuerName, notice, read } = this.#options;
    const set = await read(document);
    this.#set = set;
    this.#document = document;
    this.generation++;
    notice({ issuer: issuerName, kind: "keys_loaded", detail: `${set.size} keys` });
    for (const detail of set.refused) notice({ issuer: issuerName, kind: "keys_refused", detail });
  }

  #schedule(): void {
    if (this.#isClosed) return;
    const { clock, refreshMs } = this.#options;
    const waitMs = this.#failures > 0 ? this.#retryAtMs - clock.monotonicMs() : jitter(refreshMs);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#refresh(), Math.max(waitMs, 1)).unref();
  }

  #backOffMs(): number {
    const doubled = FIRST_BACK_OFF_MS * 2 ** Math.min(this.#failures - 1, 20);
    return jitter(Math.min(doubled, this.#options.refreshMs));
  }
}

/** Ten per cent either way, so that many gateways do not ask at the same moment. */
function jitter(ms: number): number {
  return ms * (0.9 + Math.random() * 0.2);
}
