/** What the link to a Redis or Valkey is told: resolved and checked already. Secrets come out only where they are sent. */

export interface RedisAddress {
  /** Name or IP address, without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Something that keeps its text to itself until it is asked. */
export interface Revealable {
  reveal(): string;
}

export interface RedisLogin {
  /** Default: the server's `default` user. */
  readonly user?: string | undefined;
  readonly password?: Revealable | undefined;
}

/** Where the server that has the keys is found. */
export type RedisServers =
  | { readonly kind: "alone"; readonly address: RedisAddress }
  | {
      readonly kind: "sentinel";
      /** What the Sentinels call the primary. */
      readonly name: string;
      readonly addresses: readonly RedisAddress[];
      readonly login: RedisLogin;
    }
  /** Any of its servers; the others are learned. */
  | { readonly kind: "cluster"; readonly addresses: readonly RedisAddress[] };

export interface RedisTls {
  /** PEM of the authorities that may vouch for the server. Default: those of Node. */
  readonly ca?: string | undefined;
  /** PEM of the certificate shown to the server, and its private key. */
  readonly certificate?: string | undefined;
  readonly key?: Revealable | undefined;
  /** The name the server's certificate must carry. Default: the host it was reached by. */
  readonly serverName?: string | undefined;
}

export interface RedisSettings {
  readonly servers: RedisServers;
  readonly login: RedisLogin;
  /** Undefined: plain TCP. */
  readonly tls?: RedisTls | undefined;
  /** All keys begin with it as hash tag: `{portcullis}:`. */
  readonly prefix: string;
  readonly maxConnections: number;
  readonly commandTimeoutMs: number;
  readonly healthCheckIntervalMs: number;
  /** Silence after which the system probes the other end; 0 turns TCP keep-alive off. */
  readonly keepAliveMs: number;
  /** Age at which a connection is replaced by a new one; 0: never. */
  readonly maxAgeMs: number;
}

/**
 * All calls of one turn of the event loop leave in one write on one connection, which one server thread answers: more
 * connections make nothing faster. The second is there when the first is lost.
 */
export const DEFAULT_MAX_CONNECTIONS = 2;
/** Raised, a slow server holds requests longer before it is given up; lowered, a busy one is given up for nothing. */
export const DEFAULT_COMMAND_TIMEOUT_MS = 250;
/** Raised, a server that dies while nothing is asked of it is noticed later. */
export const DEFAULT_HEALTH_CHECK_INTERVAL_MS = 500;
export const DEFAULT_KEEP_ALIVE_MS = 30_000;
/** Half an hour: load moves to new servers behind a name or balancer, and changed credentials show themselves. */
export const DEFAULT_MAX_AGE_MS = 1_800_000;
export const DEFAULT_PREFIX = "portcullis";

export const printAddress = ({ host, port }: RedisAddress): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;

export const isSameAddress = (a: RedisAddress, b: RedisAddress): boolean =>
  a.host === b.host && a.port === b.port;
