/**
 * Channels that the process listens to, over a connection of their own, opened when there is something to listen to. It is
 * opened again whenever it is lost; messages of the meantime are lost with it.
 */
import { Backoff } from "./backoff.ts";
import type { Connection, Dial } from "./connection.ts";
import type { RedisAddress, RedisSettings } from "./redis-settings.ts";
import { within } from "./within.ts";

type Listener = (message: string) => void;

interface Subscription {
  readonly channel: string;
  readonly listener: Listener;
}

export class Subscriptions {
  readonly #settings: RedisSettings;
  readonly #dial: Dial;
  readonly #onError: (error: Error) => void;
  readonly #backoff = new Backoff();
  readonly #wanted = new Set<Subscription>();
  #address: RedisAddress | undefined;
  #connection: Connection | undefined;
  #opening: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #isChecking = false;

  constructor(settings: RedisSettings, dial: Dial, onError: (error: Error) => void) {
    this.#settings = settings;
    this.#dial = dial;
    this.#onError = onError;
  }

  /** Resolves when messages come, or at once when none can come now. */
  async add(channel: string, onMessage: Listener): Promise<() => Promise<void>> {
    const listener = (message: string): void => {
      // Thrown into the library, it would end the process.
      try {
        onMessage(message);
      } catch (error) {
        this.#onError(error as Error);
      }
    };
    const subscription = { channel, listener };
    this.#wanted.add(subscription);
    if (this.#connection === undefined) await this.#open();
    else await this.#attempt(this.#connection.subscribe(channel, listener));
    return async () => {
      this.#wanted.delete(subscription);
      if (this.#wanted.size === 0) this.#drop();
      else if (this.#connection !== undefined)
        await this.#attempt(this.#connection.unsubscribe(channel, listener));
    };
  }

  /** The server that calls go to, from now on. */
  moveTo(address: RedisAddress): void {
    this.leave();
    this.#address = address;
    void this.#open();
  }

  leave(): void {
    this.#address = undefined;
    this.#drop();
    clearTimeout(this.#retry);
    this.#retry = undefined;
  }

  /** Finds out a connection that has gone silent. */
  async check(): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined || this.#isChecking) return;
    this.#isChecking = true;
    await this.#attempt(connection.send(["PING"]));
    this.#isChecking = false;
  }

  /** A step on the present connection, which is given up when the step fails. */
  async #attempt(step: Promise<unknown>): Promise<void> {
    const connection = this.#connection;
    try {
      await within(this.#settings.commandTimeoutMs, step, "no answer to a subscription");
    } catch (error) {
      if (connection !== undefined && connection === this.#connection) this.#lose(error as Error);
    }
  }

  #open(): Promise<void> {
    if (this.#address === undefined || this.#wanted.size === 0) return Promise.resolve();
    this.#opening ??= this.#openAt(this.#address).finally(() => {
      this.#opening = undefined;
      // The server may have changed meanwhile.
      if (this.#connection === undefined && this.#retry === undefined) void this.#open();
    });
    return this.#opening;
  }

  async #openAt(address: RedisAddress): Promise<void> {
    let connection: Connection | undefined;
    try {
      connection = await this.#dial(address);
      for (const { channel, listener } of this.#wanted)
        await within(
          this.#settings.commandTimeoutMs,
          connection.subscribe(channel, listener),
          "no answer to a subscription",
        );
    } catch (error) {
      connection?.close();
      if (address === this.#address) this.#lose(error as Error);
      return;
    }
    if (address !== this.#address) {
      connection.close();
      return;
    }
    this.#connection = connection;
    this.#backoff.reset();
    connection.onLost = (error) => {
      if (this.#connection === connection) this.#lose(error);
    };
  }

  #lose(error: Error): void {
    this.#drop();
    if (this.#address === undefined) return;
    this.#onError(error);
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      void this.#open();
    }, this.#backoff.nextMs()).unref();
  }

  #drop(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }
}
