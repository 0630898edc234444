/**
 * What the stores ask of a Redis or Valkey, whatever stands behind it: one server, one watched by Sentinel, a Cluster.
 * Every call ends within the command timeout; while the breaker is open all of them are refused at once.
 */

/** A Lua script, sent by its SHA-1 and in full to a server that does not know it. */
export interface RedisScript {
  readonly name: string;
  readonly source: string;
  /** Hexadecimal SHA-1 of the source. */
  readonly sha1: string;
}

export type RedisArgument = string | number;

/** `up`: calls are sent. `down`: the breaker is open, calls are refused at once and the server is probed. */
export type RedisState = "up" | "down";

export interface RedisLink {
  readonly state: RedisState;
  /** Tells each change; returns what ends it. */
  onState(listener: (state: RedisState) => void): () => void;
  /** Keys of one script share a hash tag. Rejects with `StoreUnavailable`; what it asked for may have happened. */
  script(
    script: RedisScript,
    keys: readonly string[],
    args: readonly RedisArgument[],
  ): Promise<unknown>;
  /** One command, its name first. `key` says where it belongs in a Cluster; undefined: any server. */
  command(key: string | undefined, args: readonly RedisArgument[]): Promise<unknown>;
  /** Messages may be lost while the connection is; subscribes again by itself. */
  subscribe(channel: string, onMessage: (message: string) => void): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** All names begin with the configured prefix as hash tag, so that one script may touch all of them: `{portcullis}:`. */
export type KeyPrefix = string;
