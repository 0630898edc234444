/**
 * Error answers of a Redis, and which of them are the server's state and not the caller's mistake. A mistake in a script
 * must surface as itself, never as a store that is away.
 */

/** An answer that begins with `-`. */
export class RedisReplyError extends Error {
  override readonly name = "RedisReplyError";
  /** Its first word, such as `OOM`; `ERR` when it has none. */
  readonly code: string;

  constructor(message: string) {
    super(message);
    this.code = /^-?([A-Z]+)(?=\s|$)/.exec(message)?.[1] ?? "ERR";
  }
}

/** The server refuses everyone for now: asking on is of no use until a probe says otherwise. */
const REFUSES_ALL: ReadonlySet<string> = new Set([
  "LOADING",
  "READONLY",
  "OOM",
  "MISCONF",
  "MASTERDOWN",
  "NOREPLICAS",
  "CLUSTERDOWN",
  "BUSY",
  "UNKILLABLE",
  "NOAUTH",
  "WRONGPASS",
  // Redirections that could not be followed: the server is not the one it was taken for.
  "MOVED",
  "ASK",
]);

/** It refuses this one, and the next may pass. */
const REFUSES_ONE: ReadonlySet<string> = new Set(["TRYAGAIN", "NOPERM", "CROSSSLOT"]);

/** Written without a code of their own. */
const REFUSALS_BY_TEXT = /^ERR (max number of clients|.*not enough|AUTH|invalid password)/i;

export const refusesAll = (error: unknown): error is RedisReplyError =>
  error instanceof RedisReplyError &&
  (REFUSES_ALL.has(error.code) || REFUSALS_BY_TEXT.test(error.message));

export const isServersFault = (error: unknown): error is RedisReplyError =>
  refusesAll(error) || (error instanceof RedisReplyError && REFUSES_ONE.has(error.code));
