/**
 * The servers that what speaks to a Redis is tested on: `redis-server`, and the Valkey server that `PORTCULLIS_VALKEY` names by
 * its path. Where it names none, that is said.
 */
export interface RedisProgram {
  readonly name: string;
  /** Undefined: the usual one. */
  readonly program?: string;
}

export function redisPrograms(): readonly RedisProgram[] {
  const valkey = process.env["PORTCULLIS_VALKEY"];
  if (valkey !== undefined && valkey !== "")
    return [{ name: "Redis" }, { name: "Valkey", program: valkey }];
  console.warn("SKIPPED: PORTCULLIS_VALKEY names no valkey-server; tested on Redis alone");
  return [{ name: "Redis" }];
}
