/** Connections to other servers of a Cluster, to which calls are redirected while slots move. */
import type { Connection, Dial } from "./connection.ts";
import { printAddress, type RedisAddress } from "./redis-settings.ts";

/** Raised, a Cluster in disorder makes the gateway hold more connections. */
const MAX_CONNECTIONS = 8;

export class SideConnections {
  readonly #dial: Dial;
  readonly #open = new Map<string, Promise<Connection>>();

  constructor(dial: Dial) {
    this.#dial = dial;
  }

  /** One for each server, however many ask at the same time. */
  to(address: RedisAddress): Promise<Connection> {
    const key = printAddress(address);
    let connection = this.#open.get(key);
    if (connection === undefined) {
      connection = this.#dial(address).then((opened) => {
        opened.onLost = () => this.#open.delete(key);
        return opened;
      });
      this.#open.set(key, connection);
      connection.catch(() => this.#open.delete(key));
      this.#closeOldest();
    }
    return connection;
  }

  /** The one who asked for it has it from now on. */
  release(address: RedisAddress): void {
    this.#open.delete(printAddress(address));
  }

  closeAll(): void {
    for (const key of this.#open.keys()) this.#close(key);
  }

  #closeOldest(): void {
    const [oldest] = this.#open.keys();
    if (this.#open.size > MAX_CONNECTIONS && oldest !== undefined) this.#close(oldest);
  }

  #close(key: string): void {
    const connection = this.#open.get(key);
    this.#open.delete(key);
    connection?.then(
      (opened) => opened.close(),
      () => undefined,
    );
  }
}
