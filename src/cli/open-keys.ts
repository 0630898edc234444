/** Opens API keys for one command: this machine's file, with the Redis that carries its keys to all replicas where there is one. */
import { resolve } from "node:path";
import type { Configuration } from "../gateway/configuration.ts";
import { toRedisSettings, type RedisStoreSettings } from "../gateway/store-settings.ts";
import { SYSTEM_CLOCK } from "../pipeline/stage.ts";
import {
  openEmbeddedKeyStore,
  type EmbeddedKeyStoreOptions,
} from "../stores/keys/embedded-key-store.ts";
import type { KeyStore } from "../stores/keys/key-store.ts";
import { operatorName } from "./operator-name.ts";

export interface OpenedKeys {
  readonly keys: KeyStore;
  /** Whether the other machines can know all that this one knows; asked after the work is done. */
  readonly isShared: () => Promise<boolean>;
  readonly close: () => Promise<void>;
}

export function openKeyFile(path: string): OpenedKeys {
  const keys = openEmbeddedKeyStore(optionsOf(path));
  return {
    keys,
    isShared: () => Promise.resolve(true),
    close: () => Promise.resolve(keys.close()),
  };
}

export async function openSharedKeys(
  { loaded, reader }: Pick<Configuration, "loaded" | "reader">,
  settings: RedisStoreSettings,
): Promise<OpenedKeys> {
  const redis = await toRedisSettings(settings, reader);
  // Loaded here and not before: who has no Redis does not pay for it.
  const { openRedisLink } = await import("../stores/redis/open-redis-link.ts");
  const { openSharedKeyStore } = await import("../stores/keys/redis-key-store.ts");
  const link = await openRedisLink(redis);
  try {
    const keys = await openSharedKeyStore({
      ...optionsOf(resolve(loaded.directory, settings.path)),
      link,
      prefix: `{${redis.prefix}}:`,
      onTrouble: (message) => console.error(`warning: ${message}`),
    });
    return {
      keys,
      isShared: () => keys.synchronise(),
      close: async () => {
        keys.close();
        await link.close();
      },
    };
  } catch (error) {
    await link.close();
    throw error;
  }
}

function optionsOf(path: string): EmbeddedKeyStoreOptions {
  return { path, clock: SYSTEM_CLOCK, isWatching: false, operator: operatorName() };
}
