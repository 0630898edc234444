/** The key stores that one body of tests runs over: the embedded one, and the one of replicas on a real Redis. */
import { openLinked, redisSettings } from "../../../test/support/redis-linked.ts";
import { hasRedis, startRedis, type RedisServer } from "../../../test/support/redis-server.ts";
import { openEmbeddedKeyStore, type EmbeddedKeyStoreOptions } from "./embedded-key-store.ts";
import type { KeyStore } from "./key-store.ts";
import { openSharedKeyStore } from "./redis-key-store.ts";

export interface TrialStores {
  /** Stores of one path are processes of one machine. */
  open(options: EmbeddedKeyStoreOptions): Promise<KeyStore>;
  /** Closes all that were opened; closing one before does no harm. */
  closeStores(): Promise<void>;
  /** Ends what stands behind them. */
  end(): Promise<void>;
}

/** Names and what makes the stores; of Redis only where there is one. */
export const KEY_STORES: readonly { readonly name: string; readonly make: () => TrialStores }[] = [
  { name: "embedded", make: () => new EmbeddedStores() },
  ...(hasRedis() ? [{ name: "redis", make: () => new SharedStores() }] : []),
];

class EmbeddedStores implements TrialStores {
  readonly #stores: KeyStore[] = [];

  open(options: EmbeddedKeyStoreOptions): Promise<KeyStore> {
    const store = openEmbeddedKeyStore(options);
    this.#stores.push(store);
    return Promise.resolve(store);
  }

  closeStores(): Promise<void> {
    for (const store of this.#stores.splice(0)) store.close();
    return Promise.resolve();
  }

  end(): Promise<void> {
    return Promise.resolve();
  }
}

class SharedStores implements TrialStores {
  readonly #closings: (() => Promise<void>)[] = [];
  #redis: Promise<RedisServer> | undefined;

  async open(options: EmbeddedKeyStoreOptions): Promise<KeyStore> {
    this.#redis ??= startRedis();
    const { port } = await this.#redis;
    const { link } = await openLinked(redisSettings(port, { commandTimeoutMs: 2_000 }));
    const prefix = `{${options.path}}:`;
    const store = await openSharedKeyStore({ ...options, link, prefix, redisPollMs: 20 });
    this.#closings.push(async () => {
      store.close();
      await link.close();
    });
    return store;
  }

  async closeStores(): Promise<void> {
    for (const close of this.#closings.splice(0)) await close();
  }

  async end(): Promise<void> {
    await (await this.#redis)?.stop();
  }
}
