/** Reads where a Cluster sends a call on to: `MOVED 3999 host:6381`, for good, or `ASK 3999 host:6381`, this once. */
import type { RedisAddress } from "./redis-settings.ts";
import { RedisReplyError } from "./reply-error.ts";

export interface Redirection {
  readonly to: RedisAddress;
  /** Only this call, which must be preceded by ASKING. */
  readonly isOnce: boolean;
}

/** Undefined for every other error. */
export function redirectionOf(error: unknown, from: RedisAddress): Redirection | undefined {
  if (!(error instanceof RedisReplyError)) return undefined;
  const match = /^(MOVED|ASK) \d+ (.*):(\d{1,5})$/.exec(error.message);
  if (!match) return undefined;
  const [, kind, host = "", port] = match;
  // An empty host is the one that was asked, whose own name the server does not know.
  const to = {
    host: host === "" ? from.host : host.replace(/^\[(.*)\]$/, "$1"),
    port: Number(port),
  };
  return { to, isOnce: kind === "ASK" };
}
