/**
 * Finds the server that has the keys and takes writes: the one named, the one the Sentinels name, or the one to which a
 * Cluster redirects. What is found has written a key, so that a replica, a full memory, a server that still loads and a
 * slot that is elsewhere are all told from a server that can be used.
 */
import { StoreUnavailable } from "../store-unavailable.ts";
import type { Connection, Dial } from "./connection.ts";
import { toOperatorWords } from "./operator-words.ts";
import { redirectionOf } from "./redirection.ts";
import {
  isSameAddress,
  type RedisAddress,
  type RedisServers,
  type RedisSettings,
} from "./redis-settings.ts";
import { Sentinels } from "./sentinels.ts";
import { within } from "./within.ts";

export interface Finder {
  /** One attempt. Rejects with `StoreUnavailable`. */
  find(): Promise<Connection>;
  /** Where the primary is by now, where somebody watches it; undefined: nobody knows better. */
  watch(): Promise<RedisAddress | undefined>;
  close(): void;
}

/** The key that probes write; it holds nothing. */
const PROBE_EXPIRY_MS = 60_000;
/** Redirections from any server of a Cluster to the owner of a slot; more than two mean that it is in disorder. */
const MAX_REDIRECTIONS = 5;
/** Servers of a Cluster that are remembered, those named among them. */
const MAX_KNOWN = 32;

export function createFinder(settings: RedisSettings, dial: Dial): Finder {
  const { servers } = settings;
  const claim = (connection: Connection): Promise<void> => claimWith(settings, connection);
  switch (servers.kind) {
    case "alone":
      return new AloneFinder(servers.address, dial, claim);
    case "sentinel":
      return new SentinelFinder(
        new Sentinels(servers, dial, settings.commandTimeoutMs),
        dial,
        claim,
      );
    case "cluster":
      return new ClusterFinder(servers, dial, claim);
  }
}

type Claim = (connection: Connection) => Promise<void>;

async function claimWith(
  { prefix, commandTimeoutMs }: RedisSettings,
  connection: Connection,
): Promise<void> {
  const write = ["SET", `{${prefix}}:probe`, "1", "PX", String(PROBE_EXPIRY_MS)];
  await within(commandTimeoutMs, connection.send(write), "no answer");
}

/** The connection when it can be used; else it is closed. */
async function claimed(connection: Connection, claim: Claim): Promise<Connection> {
  try {
    await claim(connection);
    return connection;
  } catch (error) {
    connection.close();
    if (error instanceof StoreUnavailable) throw error;
    throw new StoreUnavailable(toOperatorWords(error, connection.address), { cause: error });
  }
}

class AloneFinder implements Finder {
  readonly #address: RedisAddress;
  readonly #dial: Dial;
  readonly #claim: Claim;

  constructor(address: RedisAddress, dial: Dial, claim: Claim) {
    this.#address = address;
    this.#dial = dial;
    this.#claim = claim;
  }

  async find(): Promise<Connection> {
    return claimed(await this.#dial(this.#address), this.#claim);
  }

  async watch(): Promise<undefined> {
    return undefined;
  }

  close(): void {}
}

class SentinelFinder implements Finder {
  readonly #sentinels: Sentinels;
  readonly #dial: Dial;
  readonly #claim: Claim;

  constructor(sentinels: Sentinels, dial: Dial, claim: Claim) {
    this.#sentinels = sentinels;
    this.#dial = dial;
    this.#claim = claim;
  }

  async find(): Promise<Connection> {
    const address = await this.#sentinels.primary();
    try {
      return await claimed(await this.#dial(address), this.#claim);
    } catch (error) {
      // It may be behind the others: the next attempt asks the next one.
      this.#sentinels.doubt();
      throw error;
    }
  }

  async watch(): Promise<RedisAddress | undefined> {
    return this.#sentinels.primary().catch(() => undefined);
  }

  close(): void {
    this.#sentinels.close();
  }
}

class ClusterFinder implements Finder {
  readonly #dial: Dial;
  readonly #claim: Claim;
  /** Those named, then those learned; the one that answered last comes first. */
  #known: RedisAddress[];

  constructor(
    { addresses }: Extract<RedisServers, { readonly kind: "cluster" }>,
    dial: Dial,
    claim: Claim,
  ) {
    this.#known = [...addresses];
    this.#dial = dial;
    this.#claim = claim;
  }

  async find(): Promise<Connection> {
    const [first] = this.#known as [RedisAddress];
    let at = first;
    try {
      for (let hop = 0; hop <= MAX_REDIRECTIONS; hop++) {
        const connection = await this.#dial(at);
        const next = await this.#tryClaim(connection);
        if (next === undefined) {
          this.#prefer(at);
          return connection;
        }
        connection.close();
        at = next;
      }
      throw new StoreUnavailable(
        `the Cluster redirects in a circle, last to ${at.host}:${at.port}`,
      );
    } catch (error) {
      // The next attempt begins at the next one.
      this.#known = [...this.#known.filter((each) => !isSameAddress(each, first)), first];
      throw error;
    }
  }

  async watch(): Promise<undefined> {
    return undefined;
  }

  close(): void {}

  /** Undefined when it is the owner; else where the owner is. */
  async #tryClaim(connection: Connection): Promise<RedisAddress | undefined> {
    try {
      await this.#claim(connection);
      return undefined;
    } catch (error) {
      const redirection = redirectionOf(error, connection.address);
      // It owns the slot still, whose keys are on their way to another: calls follow them.
      if (redirection?.isOnce) return undefined;
      if (redirection !== undefined) return redirection.to;
      connection.close();
      throw new StoreUnavailable(toOperatorWords(error, connection.address), { cause: error });
    }
  }

  #prefer(address: RedisAddress): void {
    const others = this.#known.filter((each) => !isSameAddress(each, address));
    this.#known = [address, ...others].slice(0, MAX_KNOWN);
  }
}
