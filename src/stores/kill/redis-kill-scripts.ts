/**
 * What Redis does with kill switches, in one step each. One hash holds all of them and, as a field of its own, the number
 * of the last change, so that no part of it can be lost without the rest being looked at again.
 */
import { createHash } from "node:crypto";
import type { RedisScript } from "../redis/redis-link.ts";

/** Field of the hash that holds the number of the last change; no switch's id looks like it. */
const VERSION_FIELD = ":version";

/** Of a hash that is not there, or was flushed. */
const NO_VERSION = "0";

/** Arguments of one entry in `MERGE`: its id, `on` or `off`, milliseconds since its change, its text. */
export const MERGE_ARGUMENTS = 4;

/**
 * Union by id; off wins over on. Each entry is kept with the time of its change by this server's clock, by which all
 * replicas measure. Numbers of changes go by the clock too: after a flush they must not begin anew with numbers that some
 * replica has seen. Publishing may be forbidden to this user or fail: replicas poll.
 */
export const MERGE: RedisScript = script(
  "kill-merge",
  `
local key, channel = KEYS[1], ARGV[1]
local time = redis.call('TIME')
local micros = tonumber(time[1]) * 1000000 + tonumber(time[2])
local nowMs = math.floor(micros / 1000)
local isChanged = false
for at = 2, #ARGV, ${MERGE_ARGUMENTS} do
  local id, state, ageMs, text = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), ARGV[at + 3]
  local known = redis.call('HGET', key, id)
  if not known or (state == 'off' and string.sub(known, 1, 3) == 'on|') then
    redis.call('HSET', key, id, state .. '|' .. string.format('%.0f', nowMs - ageMs) .. '|' .. text)
    isChanged = true
  end
end
if isChanged then
  local last = tonumber(redis.call('HGET', key, '${VERSION_FIELD}') or '0')
  local version = string.format('%.0f', math.max(last + 1, micros))
  redis.call('HSET', key, '${VERSION_FIELD}', version)
  redis.pcall('PUBLISH', channel, version)
end
return 1
`,
);

/** The number of the last change, the server's time in milliseconds, and all fields unless that number is known. */
export const READ: RedisScript = script(
  "kill-read",
  `
local time = redis.call('TIME')
local nowMs = string.format('%.0f', tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000))
local version = redis.call('HGET', KEYS[1], '${VERSION_FIELD}') or '${NO_VERSION}'
if version == ARGV[1] then return {version, nowMs} end
return {version, nowMs, redis.call('HGETALL', KEYS[1])}
`,
);

/** What `READ` answers. */
export interface ReadReply {
  readonly version: string;
  readonly serverNowMs: number;
  /** Undefined when nothing has changed. */
  readonly fields: readonly RemoteField[] | undefined;
}

export interface RemoteField {
  readonly id: string;
  readonly isOff: boolean;
  /** By the server's clock. */
  readonly changedAtMs: number;
  readonly text: string;
}

const FIELD = /^(on|off)\|(\d{1,16})\|(.*)$/s;

/** Throws when it is not what the script gives: another program's data lies under the key. */
export function readReply(reply: unknown): ReadReply {
  if (!Array.isArray(reply)) throw new Error("the kill switches in Redis cannot be read");
  const [version, serverNowMs, flat] = reply as readonly unknown[];
  return {
    version: String(version),
    serverNowMs: Number(serverNowMs),
    fields: flat === undefined ? undefined : fieldsOf(flat as readonly unknown[]),
  };
}

function fieldsOf(flat: readonly unknown[]): RemoteField[] {
  const fields: RemoteField[] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) {
    const [, state, changedAtMs, text = ""] = FIELD.exec(String(flat[at + 1])) ?? [];
    if (state === undefined) continue;
    fields.push({
      id: String(flat[at]),
      isOff: state === "off",
      changedAtMs: Number(changedAtMs),
      text,
    });
  }
  return fields;
}

function script(name: string, source: string): RedisScript {
  return { name, source, sha1: createHash("sha1").update(source).digest("hex") };
}
