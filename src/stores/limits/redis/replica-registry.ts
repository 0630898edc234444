/**
 * How many processes share the limits: each says every few seconds that it is there, by the server's clock. Only sizes
 * hang on the number: of what is taken ahead, and of the share of a replica while the store is away.
 */
import { hash, randomBytes } from "node:crypto";
import type { KeyPrefix, RedisLink, RedisScript } from "../../redis/redis-link.ts";

/** Raised, a process that has gone is counted for longer, and a new one is noticed later. */
export const DEFAULT_HEARTBEAT_MS = 2_000;
/** A process counts as gone after so many heartbeats without one. */
const HEARTBEATS_MISSED = 4;
const NAME_BYTES = 16;
/**
 * After an outage replicas come back one by one: the most that so many answers told counts, so that the first ones do
 * not take themselves for the only ones.
 */
const ANSWERS_KEPT = 5;

/** A member that is ahead of the clock was written before it was set back: it counts as heard of now. */
const SOURCE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local live = tonumber(ARGV[2])
local ahead = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%.0f', now), '+inf')
for i = 1, #ahead do redis.call('ZADD', KEYS[1], now, ahead[i]) end
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - live))
redis.call('PEXPIRE', KEYS[1], 2 * live)
return redis.call('ZCARD', KEYS[1])
`;
const HEARTBEAT: RedisScript = { name: "replicas", source: SOURCE, sha1: hash("sha1", SOURCE) };

export interface ReplicaRegistryOptions {
  readonly link: RedisLink;
  readonly prefix: KeyPrefix;
  readonly heartbeatMs?: number;
}

export class ReplicaRegistry {
  readonly #link: RedisLink;
  readonly #key: string;
  readonly #heartbeatMs: number;
  readonly #name = randomBytes(NAME_BYTES).toString("base64url");
  #counts: readonly number[] = [1];
  #timer: NodeJS.Timeout | undefined;
  #endLink: (() => void) | undefined;

  constructor({ link, prefix, heartbeatMs = DEFAULT_HEARTBEAT_MS }: ReplicaRegistryOptions) {
    this.#link = link;
    this.#key = `${prefix}replicas`;
    this.#heartbeatMs = heartbeatMs;
  }

  /** Begins; ends when the number is known, or the store is away: then it is 1 until the store has answered. */
  async start(): Promise<void> {
    this.#timer = setInterval(() => void this.#beat(), this.#heartbeatMs).unref();
    this.#endLink = this.#link.onState((state) => {
      if (state === "up") void this.#beat();
    });
    await this.#beat();
  }

  /** At least 1. While the store is away, as many as there were before. */
  replicas(): number {
    return Math.max(...this.#counts);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#endLink?.();
    if (this.#link.state === "down") return;
    // Nobody waits for those who left: without this they are counted for a few seconds more.
    await this.#link.command(this.#key, ["ZREM", this.#key, this.#name]).catch(() => undefined);
  }

  async #beat(): Promise<void> {
    if (this.#link.state === "down") return;
    const liveMs = this.#heartbeatMs * HEARTBEATS_MISSED;
    try {
      const count = Number(await this.#link.script(HEARTBEAT, [this.#key], [this.#name, liveMs]));
      if (Number.isSafeInteger(count) && count > 0)
        this.#counts = [...this.#counts, count].slice(-ANSWERS_KEPT);
    } catch {
      // The number stays as it was; the next beat tells.
    }
  }
}
