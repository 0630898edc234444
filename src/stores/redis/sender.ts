/**
 * Sends one command to the server that has its key, and follows where a Cluster redirects it. Only what a server has refused to
 * begin is sent again.
 */
import type { Connection, Dial } from "./connection.ts";
import { isAt, type Pool } from "./pool.ts";
import { redirectionOf } from "./redirection.ts";
import type { RedisAddress, RedisSettings } from "./redis-settings.ts";
import { SideConnections } from "./side-connections.ts";

/** Redirections of one call; more than that mean that the Cluster is in disorder. */
const MAX_REDIRECTIONS = 5;

/** The connection a call takes, and whether it is only asking there. */
interface Way {
  readonly connection: Connection;
  readonly isAsking: boolean;
}

export interface Home {
  /** Connections to the server that has the keys of the prefix; undefined while none is known. */
  pool(): Pool | undefined;
  /** Those keys have gone to another server, to which there is a connection already. */
  moveTo(connection: Connection): void;
}

export class Sender {
  readonly #side: SideConnections;
  readonly #home: Home;
  readonly #homeTag: string;
  readonly #mayRedirect: boolean;

  constructor({ prefix, servers }: RedisSettings, dial: Dial, home: Home) {
    this.#side = new SideConnections(dial);
    this.#home = home;
    this.#homeTag = `{${prefix}}`;
    this.#mayRedirect = servers.kind === "cluster";
  }

  async send(
    connection: Connection,
    key: string | undefined,
    args: readonly string[],
  ): Promise<unknown> {
    let way: Way = { connection, isAsking: false };
    for (let hop = 0; ; hop++) {
      try {
        // In the same write as the one command it is for.
        if (way.isAsking) way.connection.send(["ASKING"]).catch(() => undefined);
        return await way.connection.send(args);
      } catch (error) {
        if (!this.#mayRedirect || hop === MAX_REDIRECTIONS) throw error;
        way = await this.#redirected(error, way.connection.address, key);
      }
    }
  }

  close(): void {
    this.#side.closeAll();
  }

  async #redirected(error: unknown, from: RedisAddress, key: string | undefined): Promise<Way> {
    const redirection = redirectionOf(error, from);
    if (redirection === undefined) throw error;
    const { to, isOnce: isAsking } = redirection;
    const connection = this.#ownTo(to) ?? (await this.#side.to(to));
    if (!isAsking && key?.startsWith(this.#homeTag)) this.#moveHome(connection);
    return { connection, isAsking };
  }

  #ownTo(address: RedisAddress): Connection | undefined {
    const pool = this.#home.pool();
    return isAt(pool, address) ? pool?.pick() : undefined;
  }

  /** Of all calls that are told at the same time, the first does it. */
  #moveHome(connection: Connection): void {
    const pool = this.#home.pool();
    if (pool === undefined || isAt(pool, connection.address)) return;
    this.#side.release(connection.address);
    this.#home.moveTo(connection);
  }
}
