/**
 * The link to a Redis with its breaker. `up`: there is a pool of connections to a server that takes writes. `down`: there is
 * none, calls are refused at once, and one probe at a time looks for such a server. Nothing is ever sent twice, except
 * what a server has refused to begin; opening never fails because the server is away.
 */
import { StoreUnavailable } from "../store-unavailable.ts";
import { Backoff } from "./backoff.ts";
import { prepareDial, type Connection, type Dial } from "./connection.ts";
import { Deadlines, type CallOutcome } from "./deadlines.ts";
import { createFinder, type Finder } from "./finder.ts";
import { toOperatorWords } from "./operator-words.ts";
import { isAt, Pool } from "./pool.ts";
import type { RedisArgument, RedisLink, RedisScript, RedisState } from "./redis-link.ts";
import type { RedisSettings } from "./redis-settings.ts";
import { isServersFault, RedisReplyError, refusesAll } from "./reply-error.ts";
import { Sender } from "./sender.ts";
import { Subscriptions } from "./subscriptions.ts";
import { within } from "./within.ts";

export interface RedisHooks {
  /** Each call that was sent, when it ends. */
  onCall?(seconds: number, outcome: CallOutcome): void;
  onState?(state: RedisState): void;
  /** For the operator's log: why it went down, and each new reason why it stays so. */
  onError?(error: Error): void;
}

/** The first probe may take that long before the link is handed out as it is. */
const FIRST_PROBE_LIMIT_MS = 2_000;
/** A link that was up for less is not well yet: its probes go on getting rarer. */
const WELL_AFTER_MS = 5_000;
export async function openRedisLink(
  settings: RedisSettings,
  hooks: RedisHooks = {},
): Promise<RedisLink> {
  const link = new Link(settings, hooks, await prepareDial(settings));
  await within(FIRST_PROBE_LIMIT_MS, link.probe(), "no first probe").catch(() => undefined);
  return link;
}

class Link implements RedisLink {
  readonly #settings: RedisSettings;
  readonly #hooks: RedisHooks;
  readonly #finder: Finder;
  readonly #dial: Dial;
  readonly #deadlines: Deadlines;
  readonly #sender: Sender;
  readonly #subscriptions: Subscriptions;
  readonly #backoff = new Backoff();
  readonly #listeners = new Set<(state: RedisState) => void>();
  readonly #checking: NodeJS.Timeout;
  #pool: Pool | undefined;
  #probing: NodeJS.Timeout | undefined;
  #upSinceMs = 0;
  #lastSuccessAtMs = 0;
  /** Why it is down. */
  #reason = "no server has been reached yet";
  #lastTold = "";
  #isClosed = false;

  constructor(settings: RedisSettings, hooks: RedisHooks, dial: Dial) {
    this.#settings = settings;
    this.#hooks = hooks;
    this.#dial = dial;
    this.#finder = createFinder(settings, dial);
    this.#sender = new Sender(settings, dial, {
      pool: () => this.#pool,
      moveTo: (connection) => this.#moveTo(connection),
    });
    this.#subscriptions = new Subscriptions(settings, dial, (error) => this.#tell(error));
    this.#deadlines = new Deadlines(settings.commandTimeoutMs, {
      onEnd: (startedAtMs, outcome) => this.#ended(startedAtMs, outcome),
    });
    this.#checking = setInterval(() => this.#check(), settings.healthCheckIntervalMs).unref();
  }

  get state(): RedisState {
    return this.#pool === undefined ? "down" : "up";
  }

  onState(listener: (state: RedisState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  script(
    { sha1, source }: RedisScript,
    keys: readonly string[],
    args: readonly RedisArgument[],
  ): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...args.map(String)];
    const [key] = keys;
    return this.#call(async () => {
      try {
        return await this.#send(key, ["EVALSHA", sha1, ...rest]);
      } catch (error) {
        if (!(error instanceof RedisReplyError && error.code === "NOSCRIPT")) throw error;
        return this.#send(key, ["EVAL", source, ...rest]);
      }
    });
  }

  command(key: string | undefined, args: readonly RedisArgument[]): Promise<unknown> {
    const words = args.map(String);
    return this.#call(() => this.#send(key, words));
  }

  async subscribe(
    channel: string,
    onMessage: (message: string) => void,
  ): Promise<() => Promise<void>> {
    return this.#subscriptions.add(channel, onMessage);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#checking);
    clearTimeout(this.#probing);
    this.#subscriptions.leave();
    this.#sender.close();
    this.#finder.close();
    this.#pool?.close("now");
    this.#setPool(undefined);
  }

  /** One attempt to come up; the next is planned when it fails. Never rejects. */
  async probe(): Promise<void> {
    this.#probing = undefined;
    try {
      const found = await this.#finder.find();
      if (this.#isClosed) found.close();
      else this.#comeUp(found);
    } catch (error) {
      this.#reason = (error as Error).message;
      this.#tell(error as Error);
      this.#probeLater();
    }
  }

  #call(work: () => Promise<unknown>): Promise<unknown> {
    if (this.#pool === undefined) return Promise.reject(this.#isAway());
    return this.#deadlines.limit(() => work().catch((error: unknown) => this.#refused(error)));
  }

  async #send(key: string | undefined, args: readonly string[]): Promise<unknown> {
    const connection = this.#pool?.pick();
    if (connection === undefined) throw this.#isAway();
    return this.#sender.send(connection, key, args);
  }

  /** The slot of the prefix is elsewhere from now on. */
  #moveTo(connection: Connection): void {
    const old = this.#pool;
    this.#useServerOf(connection);
    old?.close("gently");
  }

  #isAway(): StoreUnavailable {
    return new StoreUnavailable(this.#isClosed ? "the link is closed" : this.#reason);
  }

  #refused(error: unknown): never {
    if (!isServersFault(error)) throw error;
    const words = toOperatorWords(error, this.#pool?.address);
    const unavailable = new StoreUnavailable(words, { cause: error });
    if (refusesAll(error)) this.#goDown(unavailable);
    else this.#tell(unavailable);
    throw unavailable;
  }

  #ended(startedAtMs: number, outcome: CallOutcome): void {
    const now = performance.now();
    this.#hooks.onCall?.((now - startedAtMs) / 1_000, outcome);
    if (outcome === "ok") this.#lastSuccessAtMs = now;
    // Nothing at all has been answered in time since: it is not one slow call.
    if (outcome === "timeout" && this.#lastSuccessAtMs < startedAtMs) this.#goDown(this.#silence());
  }

  #silence(): StoreUnavailable {
    const what = `no answer within ${this.#settings.commandTimeoutMs} ms`;
    return new StoreUnavailable(toOperatorWords(new Error(what), this.#pool?.address));
  }

  #comeUp(connection: Connection): void {
    this.#upSinceMs = performance.now();
    this.#lastSuccessAtMs = this.#upSinceMs;
    this.#lastTold = "";
    this.#useServerOf(connection);
  }

  #useServerOf(connection: Connection): void {
    const pool = new Pool(connection, this.#settings, this.#dial, {
      onEmpty: (error) => {
        if (this.#pool === pool) this.#goDown(error);
      },
      onError: (error) => this.#tell(error),
    });
    this.#setPool(pool);
    this.#subscriptions.moveTo(pool.address);
  }

  #goDown(reason: Error): void {
    if (this.#pool === undefined) return;
    const wasWell = performance.now() - this.#upSinceMs >= WELL_AFTER_MS;
    if (wasWell) this.#backoff.reset();
    this.#reason = reason.message;
    this.#lastTold = "";
    this.#tell(reason);
    this.#subscriptions.leave();
    this.#sender.close();
    const pool = this.#pool;
    this.#setPool(undefined);
    pool.close("now");
    this.#probeLater();
  }

  #probeLater(): void {
    if (this.#isClosed || this.#probing !== undefined) return;
    this.#probing = setTimeout(() => void this.probe(), this.#backoff.nextMs()).unref();
  }

  #setPool(pool: Pool | undefined): void {
    const before = this.state;
    this.#pool = pool;
    const { state } = this;
    if (state === before) return;
    this.#hooks.onState?.(state);
    for (const listener of this.#listeners) listener(state);
  }

  #check(): void {
    this.#pool?.check();
    void this.#subscriptions.check();
    void this.#watch();
  }

  async #watch(): Promise<void> {
    const pool = this.#pool;
    if (pool === undefined) return;
    const primary = await this.#finder.watch();
    if (primary === undefined || pool !== this.#pool || isAt(pool, primary)) return;
    this.#goDown(new StoreUnavailable("the Sentinels name another primary"));
  }

  /** The same reason is told once until something changes. */
  #tell(error: Error): void {
    if (this.#isClosed || error.message === this.#lastTold) return;
    this.#lastTold = error.message;
    this.#hooks.onError?.(error);
  }
}
