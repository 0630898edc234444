/**
 * Where one gateway process counts limits and keeps API keys and kill switches: opened at start, kept over reloads, closed last. On
 * one machine memory and a file; with a Redis what all replicas share, and the same file for what must hold without it.
 */
import { resolve } from "node:path";
import type { Configuration } from "../../gateway/configuration.ts";
import type { GatewayLedger } from "../../gateway/journal/gateway-ledger.ts";
import { SYSTEM_CLOCK } from "../../pipeline/stage.ts";
import { openEmbeddedKeyStore } from "../../stores/keys/embedded-key-store.ts";
import type { KeyStore } from "../../stores/keys/key-store.ts";
import type { LimitStore } from "../../stores/limits/limit-store.ts";
import { GatewayKills, type GatewayKillsTools } from "../kill/gateway-kills.ts";
import { openEmbeddedLimits } from "./embedded-limits.ts";
import type { RedisLimits, RedisLimitsTools } from "./redis-limits.ts";

export interface GatewayStoresTools extends GatewayKillsTools, RedisLimitsTools {
  readonly log: GatewayKillsTools["log"] & RedisLimitsTools["log"];
  readonly metrics: RedisLimitsTools["metrics"];
  /** Undefined where another process of this machine records what happens to keys and switches, or nobody does. */
  readonly ledger: Pick<GatewayLedger, "followKeys" | "followKills"> | undefined;
  /** Of another process of this machine, which counts for all of its workers; not closed here. */
  readonly machineLimits: LimitStore | undefined;
}

export class GatewayStores {
  readonly limits: LimitStore;
  readonly kills: GatewayKills;
  readonly #redis: RedisLimits | undefined;
  readonly #own: LimitStore | undefined;
  readonly #ledger: GatewayStoresTools["ledger"];
  #keys: KeyStore | undefined;

  private constructor(opened: {
    readonly ledger: GatewayStoresTools["ledger"];
    readonly limits: LimitStore;
    readonly kills: GatewayKills;
    readonly redis: RedisLimits | undefined;
    readonly own: LimitStore | undefined;
  }) {
    this.limits = opened.limits;
    this.kills = opened.kills;
    this.#redis = opened.redis;
    this.#own = opened.own;
    this.#ledger = opened.ledger;
  }

  /** Rejects when a file cannot be used; a Redis that is away is no reason. */
  static async open(
    configuration: Configuration,
    tools: GatewayStoresTools,
  ): Promise<GatewayStores> {
    const { store } = configuration.root;
    if (store.kind === "embedded") {
      const limits = tools.machineLimits ?? openEmbeddedLimits(configuration, tools.log);
      const own = tools.machineLimits ? undefined : limits;
      return GatewayStores.#with(configuration, tools, { limits, own, redis: undefined });
    }
    // Loaded here and not before: who has no Redis does not pay for it.
    const { openRedisLimits } = await import("./redis-limits.ts");
    const redis = await openRedisLimits(configuration, store, tools);
    return GatewayStores.#with(configuration, tools, {
      limits: redis.limits,
      own: undefined,
      redis,
    });
  }

  static async #with(
    configuration: Configuration,
    tools: GatewayStoresTools,
    counted: Pick<GatewayStores, "limits"> & {
      readonly own: LimitStore | undefined;
      readonly redis: RedisLimits | undefined;
    },
  ): Promise<GatewayStores> {
    const { own, redis } = counted;
    try {
      const kills = await GatewayKills.open(configuration, {
        ...tools,
        ...(redis && {
          open: redis.openKillSwitches,
        }),
      });
      return new GatewayStores({ ...counted, kills, ledger: tools.ledger });
    } catch (error) {
      await own?.close?.();
      await redis?.close();
      throw error;
    }
  }

  /** Opened when API keys are first accepted, and kept: other processes write to the same file. */
  async keys({ root, loaded }: Configuration): Promise<KeyStore | undefined> {
    if (this.#keys || !root.identity.apiKeys) return this.#keys;
    const options = {
      path: resolve(loaded.directory, root.store.path),
      clock: SYSTEM_CLOCK,
      isWatching: true,
    } as const;
    this.#keys = await (this.#redis?.openKeys(options) ?? openEmbeddedKeyStore(options));
    this.#ledger?.followKeys(this.#keys);
    return this.#keys;
  }

  /** Names of what is away while requests are served without it. */
  get degraded(): readonly string[] {
    return this.#redis?.link.state === "down" ? ["store"] : [];
  }

  async close(): Promise<void> {
    this.#keys?.close();
    await this.kills.close();
    await this.#own?.close?.();
    await this.#redis?.close();
  }
}
