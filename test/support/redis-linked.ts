/** A link as tests want it: quick to notice, with what it told its operator kept. */
import { createHash } from "node:crypto";
import { openRedisLink } from "../../src/stores/redis/open-redis-link.ts";
import type { RedisLink, RedisScript, RedisState } from "../../src/stores/redis/redis-link.ts";
import type { RedisSettings } from "../../src/stores/redis/redis-settings.ts";
import { until } from "./until.ts";

const LIMIT_MS = 20_000;

export interface Linked {
  readonly link: RedisLink;
  readonly states: RedisState[];
  readonly errors: string[];
  readonly outcomes: string[];
  readonly untilState: (state: RedisState) => Promise<void>;
}

/** Settings of a link to one server on this machine. */
export function redisSettings(port: number, changes: Partial<RedisSettings> = {}): RedisSettings {
  return {
    servers: { kind: "alone", address: { host: "127.0.0.1", port } },
    login: {},
    prefix: "portcullis",
    maxConnections: 2,
    commandTimeoutMs: 250,
    healthCheckIntervalMs: 100,
    keepAliveMs: 30_000,
    maxAgeMs: 0,
    ...changes,
  };
}

export async function openLinked(settings: RedisSettings): Promise<Linked> {
  const states: RedisState[] = [];
  const errors: string[] = [];
  const outcomes: string[] = [];
  const link = await openRedisLink(settings, {
    onCall: (_seconds, outcome) => void outcomes.push(outcome),
    onState: (state) => void states.push(state),
    onError: (error) => void errors.push(error.message),
  });
  const untilState = (state: RedisState): Promise<void> =>
    until(
      `the link is ${state}; it said ${errors.join("; ")}`,
      () => link.state === state,
      LIMIT_MS,
    );
  return { link, states, errors, outcomes, untilState };
}

export function scriptOf(source: string): RedisScript {
  return { name: "test", source, sha1: createHash("sha1").update(source).digest("hex") };
}
