/**
 * One connection to one server, and the only file that knows the client library: nothing of it may leak out. The library
 * only connects, logs in, writes and reads here; it never reconnects, queues or sends anything twice by itself.
 */
import type { RedisClientOptions } from "@redis/client";
import { StoreUnavailable } from "../store-unavailable.ts";
import { toOperatorWords } from "./operator-words.ts";
import type { RedisAddress, RedisLogin, RedisSettings } from "./redis-settings.ts";
import { RedisReplyError } from "./reply-error.ts";
import { within } from "./within.ts";

/** Opens connections. Rejects with `StoreUnavailable`, whose message is for operators. */
export type Dial = (address: RedisAddress, login?: RedisLogin) => Promise<Connection>;

/** What is used of the library's client. */
interface Client {
  readonly isReady: boolean;
  connect(): Promise<unknown>;
  destroy(): void;
  on(event: "error" | "end", listener: (error?: Error) => void): unknown;
  sendCommand(args: readonly string[]): Promise<unknown>;
  subscribe(channel: string, listener: (message: string) => void): Promise<void>;
  unsubscribe(channel: string, listener: (message: string) => void): Promise<void>;
}

/** TCP and TLS, which take three round trips. Raised, a probe of an address that swallows packets takes longer. */
const CONNECT_TIMEOUT_MS = 1_000;
/** With login, which waits for a frozen server's answer. */
const OPEN_TIMEOUT_MS = 1_500;

/** RESP 2: nothing that is new in 3 is used, and a login needs no HELLO, which a narrow ACL would have to allow. */
const PROTOCOL = 2;

/** The library is loaded here and not before, so that who has no Redis does not pay for it. */
export async function prepareDial(settings: RedisSettings): Promise<Dial> {
  const library = await import("@redis/client");
  // The library makes a class with every command of Redis for each new set of options, which holds the event loop for tens
  // of milliseconds. Duplicates of one client share its class.
  const template = library.createClient({ RESP: PROTOCOL });
  template.destroy();
  return async (address, login = settings.login) => {
    const translate = (error: unknown): Error => {
      if (error instanceof library.ErrorReply) return new RedisReplyError(error.message);
      return new StoreUnavailable(toOperatorWords(error, address), { cause: error });
    };
    const options = optionsFor(settings, address, login);
    const client = template.duplicate(options) as unknown as Client;
    // An error event that nobody listens to would end the process.
    client.on("error", () => undefined);
    const connecting = client.connect();
    try {
      await within(OPEN_TIMEOUT_MS, connecting, "no connection and login");
    } catch (error) {
      client.destroy();
      // One that is given up may still come to be: it must not stay open then.
      connecting.then(
        () => client.destroy(),
        () => undefined,
      );
      throw new StoreUnavailable(toOperatorWords(error, address), { cause: error });
    }
    return new Connection(address, client, translate);
  };
}

function optionsFor(
  { tls, keepAliveMs }: RedisSettings,
  { host, port }: RedisAddress,
  { user, password }: RedisLogin,
): RedisClientOptions {
  const common = {
    host,
    port,
    connectTimeout: CONNECT_TIMEOUT_MS,
    keepAlive: keepAliveMs > 0,
    keepAliveInitialDelay: keepAliveMs,
    noDelay: true,
    reconnectStrategy: false,
  } as const;
  const secured = tls && {
    tls: true,
    minVersion: "TLSv1.2",
    ...(tls.ca !== undefined && { ca: tls.ca }),
    ...(tls.certificate !== undefined && { cert: tls.certificate }),
    ...(tls.key !== undefined && { key: tls.key.reveal() }),
    ...(tls.serverName !== undefined && { servername: tls.serverName }),
  };
  return {
    RESP: PROTOCOL,
    socket: { ...common, ...secured } as NonNullable<RedisClientOptions["socket"]>,
    ...(user !== undefined && { username: user }),
    ...(password !== undefined && { password: password.reveal() }),
    disableOfflineQueue: true,
    // Its own timeout makes an AbortSignal for each call, which costs more than the rest of the call.
    commandOptions: { timeout: undefined },
    // Commands that a narrow ACL would have to allow for nothing.
    disableClientInfo: true,
    maintNotifications: "disabled",
  } as unknown as RedisClientOptions;
}

export class Connection {
  readonly address: RedisAddress;
  readonly openedAtMs: number = performance.now();
  /** Told once when the other end or the network ends it; not after `close`. */
  onLost: (error: Error) => void = () => undefined;
  readonly #client: Client;
  readonly #translate: (error: unknown) => Error;
  #pending = 0;
  #lastReplyAtMs: number = performance.now();
  #lostBy: Error | undefined;
  #isClosed = false;
  #isRetired = false;

  constructor(address: RedisAddress, client: Client, translate: (error: unknown) => Error) {
    this.address = address;
    this.#client = client;
    this.#translate = translate;
    client.on("error", (error) => this.#lose(error));
    client.on("end", () => this.#lose(new Error("the connection closed unexpectedly")));
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** When it last said anything. */
  get lastReplyAtMs(): number {
    return this.#lastReplyAtMs;
  }

  /** Written at the end of this turn of the event loop, with all else sent in it. Has no time limit of its own. */
  send(args: readonly string[]): Promise<unknown> {
    this.#pending++;
    return this.#client.sendCommand(args).then(
      (reply) => {
        this.#settled();
        return reply;
      },
      (error: unknown) => {
        this.#settled();
        // What ended the connection says more than that it was ended.
        throw this.#translate(this.#lostBy ?? error);
      },
    );
  }

  async subscribe(channel: string, listener: (message: string) => void): Promise<void> {
    await this.#client.subscribe(channel, listener).catch((error: unknown) => {
      throw this.#translate(error);
    });
  }

  async unsubscribe(channel: string, listener: (message: string) => void): Promise<void> {
    await this.#client.unsubscribe(channel, listener).catch((error: unknown) => {
      throw this.#translate(error);
    });
  }

  /** Everything that waits is rejected. */
  close(): void {
    this.#isClosed = true;
    this.#client.destroy();
  }

  /** Closes once nothing waits for it any more. */
  retire(): void {
    this.#isRetired = true;
    if (this.#pending === 0) this.close();
  }

  #settled(): void {
    this.#pending--;
    this.#lastReplyAtMs = performance.now();
    if (this.#isRetired && this.#pending === 0) this.close();
  }

  #lose(error: Error | undefined): void {
    if (this.#isClosed) return;
    this.#lostBy = error;
    this.close();
    this.onLost(this.#translate(error));
  }
}
