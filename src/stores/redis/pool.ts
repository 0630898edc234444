/**
 * The connections to one server. One turn of the event loop uses one of them, so that its calls leave in one write; a lost
 * one is replaced while the others serve, a silent one is found out, an old one is renewed before it goes.
 */
import type { Connection, Dial } from "./connection.ts";
import { Backoff } from "./backoff.ts";
import { isSameAddress, type RedisAddress, type RedisSettings } from "./redis-settings.ts";
import { RedisReplyError, refusesAll } from "./reply-error.ts";
import { within } from "./within.ts";

export interface PoolHooks {
  /** The last connection is gone. Told once. */
  onEmpty(error: Error): void;
  onError(error: Error): void;
}

/** Connections opened together must not be renewed together: the age at which one goes is that much shorter at most. */
const AGE_JITTER = 0.2;

interface Member {
  readonly connection: Connection;
  readonly renewAtMs: number;
  isChecking: boolean;
  isBeingRenewed: boolean;
}

export class Pool {
  readonly address: RedisAddress;
  readonly #settings: RedisSettings;
  readonly #dial: Dial;
  readonly #hooks: PoolHooks;
  readonly #backoff = new Backoff();
  #members: Member[] = [];
  /** The one of this turn. */
  #current: Connection | undefined;
  #turn = 0;
  #filling: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(first: Connection, settings: RedisSettings, dial: Dial, hooks: PoolHooks) {
    this.address = first.address;
    this.#settings = settings;
    this.#dial = dial;
    this.#hooks = hooks;
    this.#add(first);
    this.#fill();
  }

  get size(): number {
    return this.#members.length;
  }

  /** Never undefined before `onEmpty` is told. */
  pick(): Connection | undefined {
    if (this.#members.length < 2) return this.#members[0]?.connection;
    if (this.#current !== undefined) return this.#current;
    this.#turn = (this.#turn + 1) % this.#members.length;
    this.#current = this.#members[this.#turn]?.connection;
    setImmediate(() => {
      this.#current = undefined;
    });
    return this.#current;
  }

  /** Asks those that have been silent, and renews those that are old. */
  check(): void {
    const now = performance.now();
    for (const member of this.#members) {
      const silentMs = now - member.connection.lastReplyAtMs;
      if (silentMs >= this.#settings.healthCheckIntervalMs / 2) void this.#ask(member);
      if (now >= member.renewAtMs) void this.#renew(member);
    }
  }

  /** `now` rejects what waits; `gently` lets it come. */
  close(how: "now" | "gently"): void {
    this.#isClosed = true;
    clearTimeout(this.#filling);
    for (const { connection } of this.#members.splice(0)) this.#leave(connection, how);
    this.#current = undefined;
  }

  #leave(connection: Connection, how: "now" | "gently"): void {
    if (how === "now") {
      connection.close();
      return;
    }
    connection.retire();
    // What does not answer by then has been given up anyway.
    setTimeout(() => connection.close(), 2 * this.#settings.commandTimeoutMs).unref();
  }

  #add(connection: Connection): void {
    const { maxAgeMs } = this.#settings;
    const ageMs = maxAgeMs === 0 ? Infinity : maxAgeMs * (1 - Math.random() * AGE_JITTER);
    const renewAtMs = connection.openedAtMs + ageMs;
    this.#members.push({ connection, renewAtMs, isChecking: false, isBeingRenewed: false });
    connection.onLost = (error) => this.#lose(connection, error);
  }

  #lose(connection: Connection, error: Error): void {
    this.#members = this.#members.filter((member) => member.connection !== connection);
    if (this.#current === connection) this.#current = undefined;
    connection.close();
    if (this.#isClosed) return;
    if (this.#members.length > 0) {
      this.#fillLater();
      return;
    }
    this.close("now");
    this.#hooks.onEmpty(error);
  }

  /** Opens what is missing, one at a time. */
  #fill(): void {
    this.#filling = undefined;
    if (this.#isClosed || this.#members.length >= this.#settings.maxConnections) return;
    this.#open().then(
      () => {
        this.#backoff.reset();
        this.#fill();
      },
      (error: Error) => {
        this.#hooks.onError(error);
        this.#fillLater();
      },
    );
  }

  #fillLater(): void {
    if (this.#isClosed || this.#filling !== undefined) return;
    this.#filling = setTimeout(() => this.#fill(), this.#backoff.nextMs()).unref();
  }

  async #open(): Promise<void> {
    const connection = await this.#dial(this.address);
    if (this.#isClosed) connection.close();
    else this.#add(connection);
  }

  async #ask(member: Member): Promise<void> {
    if (member.isChecking) return;
    member.isChecking = true;
    const { connection } = member;
    try {
      await within(this.#settings.commandTimeoutMs, connection.send(["PING"]), "no answer");
    } catch (error) {
      // An ACL that does not allow it has answered all the same.
      const isAlive = error instanceof RedisReplyError && !refusesAll(error);
      if (!isAlive && !connection.isClosed) this.#lose(connection, error as Error);
    } finally {
      member.isChecking = false;
    }
  }

  async #renew(member: Member): Promise<void> {
    if (member.isBeingRenewed) return;
    member.isBeingRenewed = true;
    try {
      await this.#open();
    } catch (error) {
      // The old one serves on; the next check tries again.
      member.isBeingRenewed = false;
      this.#hooks.onError(error as Error);
      return;
    }
    if (this.#isClosed || member.connection.isClosed) return;
    this.#members = this.#members.filter((each) => each !== member);
    if (this.#current === member.connection) this.#current = undefined;
    this.#leave(member.connection, "gently");
  }
}

export const isAt = (pool: Pool | undefined, address: RedisAddress): boolean =>
  pool !== undefined && isSameAddress(pool.address, address);
