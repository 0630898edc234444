/**
 * What replicas share in a Redis: limits, guarded for the time when it is away, kill switches and API keys. Opening never fails because the
 * server does not answer: this replica then begins with its own share.
 */
import type { Configuration } from "../../gateway/configuration.ts";
import { toRedisSettings, type RedisStoreSettings } from "../../gateway/store-settings.ts";
import { SYSTEM_CLOCK } from "../../pipeline/stage.ts";
import { GuardedLimitStore } from "../../stores/limits/guarded/guarded-limit-store.ts";
import { MemoryLimitStore } from "../../stores/limits/memory-limit-store.ts";
import { RedisLimitStore } from "../../stores/limits/redis/redis-limit-store.ts";
import { ReplicaRegistry } from "../../stores/limits/redis/replica-registry.ts";
import { openRedisLink } from "../../stores/redis/open-redis-link.ts";
import type { RedisLink } from "../../stores/redis/redis-link.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import type { EmbeddedKeyStoreOptions } from "../../stores/keys/embedded-key-store.ts";
import type { KeyStore } from "../../stores/keys/key-store.ts";
import { openSharedKeyStore } from "../../stores/keys/redis-key-store.ts";
import { openRedisKillSwitches } from "../../stores/kill/redis-kill-switches.ts";
import type { GatewayKillsTools } from "../kill/gateway-kills.ts";
import { workerCount } from "../workers/worker-seat.ts";
import { storeCallHooks, watchStore } from "./store-metrics.ts";

export interface RedisLimits {
  readonly limits: GuardedLimitStore;
  readonly link: Pick<RedisLink, "state">;
  readonly openKillSwitches: NonNullable<GatewayKillsTools["open"]>;
  readonly openKeys: (options: EmbeddedKeyStoreOptions) => Promise<KeyStore>;
  close(): Promise<void>;
}

export interface RedisLimitsTools {
  readonly log: Pick<Log, "info" | "warn">;
  readonly metrics: Pick<Metrics, "registry">;
}

export async function openRedisLimits(
  { root, reader }: Configuration,
  store: RedisStoreSettings,
  { log, metrics }: RedisLimitsTools,
): Promise<RedisLimits> {
  const settings = await toRedisSettings(store, reader);
  const prefix = `{${settings.prefix}}:`;
  const link = await openRedisLink(settings, {
    ...storeCallHooks(metrics.registry),
    onState: (state) =>
      state === "up"
        ? log.info("the store answers")
        : log.warn("the store is away; limits go by their onStoreFailure"),
    onError: (error) => log.warn("the store cannot be used", { reason: error.message }),
  });
  const registry = new ReplicaRegistry({ link, prefix });
  await registry.start();
  // Better too many than too few: shares of replicas nobody has heard of yet must be left for them.
  const expected = (store.replicas ?? 1) * workerCount(root.workers);
  const replicas = (): number => Math.max(expected, registry.replicas());
  const shared = new RedisLimitStore({ link, prefix, replicas });
  const limits = new GuardedLimitStore({
    shared,
    link,
    local: new MemoryLimitStore(),
    replicas,
    degradedForMs: store.degradedFor,
    // By the server's time, as far as it is known here: calendar windows then turn alike with and without it.
    clock: { nowMs: () => shared.nowMs(), monotonicMs: () => SYSTEM_CLOCK.monotonicMs() },
  });
  const stopWatching = watchStore(metrics.registry, {
    guard: () => limits.snapshot(),
    shared: () => shared.snapshot(),
  });
  return {
    limits,
    link,
    openKillSwitches: (options) => openRedisKillSwitches({ ...options, link, prefix }),
    openKeys: (options) =>
      openSharedKeyStore({
        ...options,
        link,
        prefix,
        onTrouble: (message, error) => log.warn(message, { error }),
      }),
    close: async () => {
      stopWatching();
      await limits.close();
      await registry.close();
      await link.close();
    },
  };
}
