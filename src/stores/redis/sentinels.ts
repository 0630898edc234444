/** Asks the Sentinels, one after the other, where the primary is. One connection is kept, so that asking often is cheap. */
import { StoreUnavailable } from "../store-unavailable.ts";
import type { Connection, Dial } from "./connection.ts";
import { toOperatorWords } from "./operator-words.ts";
import type { RedisAddress, RedisServers } from "./redis-settings.ts";
import { within } from "./within.ts";

type SentinelServers = Extract<RedisServers, { readonly kind: "sentinel" }>;

export class Sentinels {
  readonly #servers: SentinelServers;
  readonly #dial: Dial;
  readonly #timeoutMs: number;
  /** Index of the one to ask first. */
  #preferred = 0;
  #connection: Connection | undefined;
  #asking: Promise<RedisAddress> | undefined;

  constructor(servers: SentinelServers, dial: Dial, timeoutMs: number) {
    this.#servers = servers;
    this.#dial = dial;
    this.#timeoutMs = timeoutMs;
  }

  /** By the word of the first that answers. Rejects with `StoreUnavailable`. */
  primary(): Promise<RedisAddress> {
    this.#asking ??= this.#askAll().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  /** Asks another one first from now on. */
  doubt(): void {
    this.close();
    this.#preferred = (this.#preferred + 1) % this.#servers.addresses.length;
  }

  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  async #askAll(): Promise<RedisAddress> {
    const { addresses } = this.#servers;
    const failures: string[] = [];
    for (let tried = 0; tried < addresses.length; tried++) {
      try {
        return await this.#ask(addresses[this.#preferred] as RedisAddress);
      } catch (error) {
        failures.push((error as Error).message);
        this.doubt();
      }
    }
    throw new StoreUnavailable(`no Sentinel names the primary: ${failures.join("; ")}`);
  }

  async #ask(address: RedisAddress): Promise<RedisAddress> {
    const connection = await this.#connectionTo(address);
    const { name } = this.#servers;
    const asked = connection.send(["SENTINEL", "GET-MASTER-ADDR-BY-NAME", name]);
    const said = await within(this.#timeoutMs, asked, "no answer").catch((error: unknown) => {
      throw new Error(toOperatorWords(error, address));
    });
    const [host, port] = Array.isArray(said) ? (said as unknown[]) : [];
    if (typeof host !== "string" || typeof port !== "string")
      throw new Error(toOperatorWords(`it knows no primary called "${name}"`, address));
    return { host, port: Number(port) };
  }

  async #connectionTo(address: RedisAddress): Promise<Connection> {
    if (this.#connection !== undefined && !this.#connection.isClosed) return this.#connection;
    this.#connection = await this.#dial(address, this.#servers.login);
    return this.#connection;
  }
}
