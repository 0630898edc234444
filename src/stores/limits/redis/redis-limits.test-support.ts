/** Links to a real Redis for the tests of limits: with a clock that the test moves, and with answers that get lost. */
import { hash } from "node:crypto";
import { openRedisLink } from "../../redis/open-redis-link.ts";
import type { RedisArgument, RedisLink, RedisScript } from "../../redis/redis-link.ts";
import {
  DEFAULT_HEALTH_CHECK_INTERVAL_MS,
  DEFAULT_KEEP_ALIVE_MS,
  DEFAULT_MAX_AGE_MS,
  DEFAULT_MAX_CONNECTIONS,
} from "../../redis/redis-settings.ts";
import { StoreUnavailable } from "../../store-unavailable.ts";
import { until } from "../../../../test/support/until.ts";
import type { Hold, LimitGroup, LimitStore, LimitVerdict } from "../limit-store.ts";
import { RedisLimitStore } from "./redis-limit-store.ts";

/** The machine may be busy: no test is about a slow answer. */
const COMMAND_TIMEOUT_MS = 20_000;
const SETTLED_LIMIT_MS = 30_000;

export const openTestLink = (
  port: number,
  maxConnections: number = DEFAULT_MAX_CONNECTIONS,
): Promise<RedisLink> =>
  openRedisLink({
    servers: { kind: "alone", address: { host: "127.0.0.1", port } },
    login: {},
    prefix: "portcullis",
    maxConnections,
    commandTimeoutMs: COMMAND_TIMEOUT_MS,
    healthCheckIntervalMs: DEFAULT_HEALTH_CHECK_INTERVAL_MS,
    keepAliveMs: DEFAULT_KEEP_ALIVE_MS,
    maxAgeMs: DEFAULT_MAX_AGE_MS,
  });

let prefixes = 0;
/** A corner of the server of its own. */
export const newPrefix = (): string => `{test-${process.pid}-${++prefixes}}:`;

/** Passes all calls on; tests change what they need. */
export class LinkAround implements RedisLink {
  protected readonly inner: RedisLink;

  constructor(inner: RedisLink) {
    this.inner = inner;
  }

  get state(): RedisLink["state"] {
    return this.inner.state;
  }

  onState(listener: (state: RedisLink["state"]) => void): () => void {
    return this.inner.onState(listener);
  }

  script(
    script: RedisScript,
    keys: readonly string[],
    args: readonly RedisArgument[],
  ): Promise<unknown> {
    return this.inner.script(script, keys, args);
  }

  command(key: string | undefined, args: readonly RedisArgument[]): Promise<unknown> {
    return this.inner.command(key, args);
  }

  subscribe(channel: string, onMessage: (message: string) => void): Promise<() => Promise<void>> {
    return this.inner.subscribe(channel, onMessage);
  }

  async close(): Promise<void> {}
}

/** The scripts as they are, but for the clock: it is a key of the server, so that the test can move it. */
export class ClockLink extends LinkAround {
  readonly #clockKey: string;
  readonly #scripts = new Map<RedisScript, RedisScript>();
  nowMs: number;

  constructor(inner: RedisLink, prefix: string, nowMs: number) {
    super(inner);
    this.#clockKey = `${prefix}clock`;
    this.nowMs = nowMs;
  }

  async setTime(ms: number): Promise<void> {
    this.nowMs = ms;
    await this.inner.command(undefined, ["SET", this.#clockKey, ms]);
  }

  override script(
    script: RedisScript,
    keys: readonly string[],
    args: readonly RedisArgument[],
  ): Promise<unknown> {
    return super.script(this.#withClock(script), keys, args);
  }

  #withClock(script: RedisScript): RedisScript {
    const known = this.#scripts.get(script);
    if (known !== undefined) return known;
    const source = script.source
      .replace(
        "local time = redis.call('TIME')",
        `local ms = tonumber(redis.call('GET', '${this.#clockKey}'))
         local time = { floor(ms / 1000), ms % 1000 * 1000 }`,
      )
      // Real time passes meanwhile, and must not take counters away.
      .replace("'PX', text(max(1, ms) +", "'PX', text(86400000 +");
    const changed = { ...script, source, sha1: hash("sha1", source) };
    this.#scripts.set(script, changed);
    return changed;
  }
}

/** Executes everything, but loses answers of the scripts that `loses` names. */
export class LossyLink extends LinkAround {
  loses: (script: string) => boolean = () => false;
  /** Sends each message twice, as a network with a mind of its own might. */
  repeats: (script: string) => boolean = () => false;
  /** Messages that come to the server later than they were sent, and those that never do. */
  holdsBack: ((script: string) => Promise<boolean>) | undefined;
  isAway = false;
  readonly #listeners = new Set<(state: RedisLink["state"]) => void>();

  override get state(): RedisLink["state"] {
    return this.isAway ? "down" : super.state;
  }

  override onState(listener: (state: RedisLink["state"]) => void): () => void {
    this.#listeners.add(listener);
    return super.onState(listener);
  }

  /** As after an outage: whoever listens makes up for what may have been lost. */
  comeUp(): void {
    for (const listener of this.#listeners) listener("up");
  }

  override async script(
    script: RedisScript,
    keys: readonly string[],
    args: readonly RedisArgument[],
  ): Promise<unknown> {
    if (this.holdsBack !== undefined && !(await this.holdsBack(script.name)))
      throw new StoreUnavailable("the message was lost");
    if (this.repeats(script.name)) await super.script(script, keys, args);
    const answer = await super.script(script, keys, args);
    if (this.loses(script.name)) throw new StoreUnavailable("the answer was lost");
    return answer;
  }
}

/** Several processes' worth of stores on one server, each with connections of its own. */
export class Fleet {
  readonly prefix: string;
  readonly stores: RedisLimitStore[] = [];
  readonly links: LossyLink[] = [];
  readonly #open: RedisLink[] = [];

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  static async start(
    port: number,
    size: number,
    leaseMs?: number,
    prefix: string = newPrefix(),
  ): Promise<Fleet> {
    const fleet = new Fleet(prefix);
    for (let i = 0; i < size; i++) {
      const link = await openTestLink(port);
      const lossy = new LossyLink(link);
      fleet.#open.push(link);
      fleet.links.push(lossy);
      fleet.stores.push(
        new RedisLimitStore({
          link: lossy,
          prefix: fleet.prefix,
          replicas: () => size,
          ...(leaseMs !== undefined && { leaseMs }),
        }),
      );
    }
    return fleet;
  }

  store(index: number): RedisLimitStore {
    return this.stores[index] as RedisLimitStore;
  }

  link(index: number): LossyLink {
    return this.links[index] as LossyLink;
  }

  async settled(): Promise<void> {
    const isSettled = (store: RedisLimitStore): boolean =>
      store.snapshot().correctionsPending === 0;
    await until("corrections have arrived", () => this.stores.every(isSettled), SETTLED_LIMIT_MS);
  }

  /** A process that is gone without a word: nothing of it reaches the server any more. */
  crash(index: number): void {
    this.link(index).holdsBack = () => Promise.resolve(false);
  }

  async close(): Promise<void> {
    await Promise.all(this.stores.map((store) => store.close()));
    await Promise.all(this.#open.map((link) => link.close()));
  }
}

export const ask = async (
  store: LimitStore,
  groups: readonly LimitGroup[],
  cost = 0,
): Promise<LimitVerdict> => store.decide({ groups, cost, nowMs: Date.now() });

/** Takes a slot, sees whether so many others are free, and gives it back. */
export async function isAllFree(
  store: LimitStore,
  groups: readonly LimitGroup[],
  others: number,
): Promise<boolean> {
  const verdict = await ask(store, groups);
  if (!verdict.isGranted) return false;
  store.finish(verdict.hold as Hold, undefined);
  return verdict.readings[0]?.remaining === others;
}

export const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));
