/**
 * What Redis does with API keys, in one step each. A hash holds all of them by id; a stream says in which order they
 * changed, so that a replica reads what is new and notices when it follows a history that is no longer this server's.
 */
import { createHash } from "node:crypto";
import type { RedisScript } from "../redis/redis-link.ts";
import type { KeyEnd } from "./key-end.ts";
import { MAX_ENTRY_BYTES } from "./key-entry.ts";

/** Changes that replicas may be behind by and still read alone; who is further behind reads all keys. About 60 bytes each. */
const LOGGED_CHANGES = 2_000;
/** Keys in one answer: the server does nothing else meanwhile. About 0.2 ms. */
const KEYS_AT_ONCE = 200;

/** Arguments of one key in `MERGE`: its id, `merge` or `replace`, its expiry, its revocation or nothing, its text. */
const MERGE_ARGUMENTS = 5;

/**
 * A key is only ever added, and its end only moves earlier; its text stays what it was first. `replace` is for an entry
 * that cannot be read. Publishing may be forbidden to this user or fail: replicas poll.
 */
export const MERGE: RedisScript = script(
  "key-merge",
  `
local hash, log, channel = KEYS[1], KEYS[2], ARGV[1]
local function earlier(one, other)
  if one == '' then return other end
  if other == '' or tonumber(one) <= tonumber(other) then return one end
  return other
end
local last
for at = 2, #ARGV, ${MERGE_ARGUMENTS} do
  local id, how, expires, revoked, text = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local known = redis.call('HGET', hash, id)
  if known and how == 'merge' then
    local knownExpires, knownRevoked, knownText = string.match(known, '^(%d+)|(%d*)|(.+)$')
    if knownText then
      expires, revoked, text = earlier(expires, knownExpires), earlier(revoked, knownRevoked), knownText
    end
  end
  local value = expires .. '|' .. revoked .. '|' .. text
  if value ~= known then
    redis.call('HSET', hash, id, value)
    last = redis.call('XADD', log, 'MAXLEN', '~', ${LOGGED_CHANGES}, '*', 'key', id)
  end
end
if last then redis.pcall('PUBLISH', channel, last) end
return 1
`,
);

/** Shortens what no key, or its id, can be as long as, so that it is read as the nonsense it is. */
const SHOWN = `
local function shown(id, value)
  if #value > ${MAX_ENTRY_BYTES} then value = '' end
  return string.sub(id, 1, 64), value
end`;

/**
 * What has changed since the change that is known: the number of the last change, how many keys there are, and then
 * nothing, or up to which change it goes and the keys. `all` in their place: what is known is no part of the history.
 */
export const READ_CHANGES: RedisScript = script(
  "key-changes",
  `
local hash, log, seen = KEYS[1], KEYS[2], ARGV[1]
${SHOWN}
local tail = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
local last = tail and tail[1] or '0-0'
local count = redis.call('HLEN', hash)
if last == seen then return {last, count} end
if seen == '0-0' or #redis.call('XRANGE', log, seen, seen) == 0 then return {last, count, 'all'} end
local changes = redis.call('XRANGE', log, '(' .. seen, '+', 'COUNT', ${KEYS_AT_ONCE})
local reply = {last, count, last}
for _, change in ipairs(changes) do
  local id = change[2][2]
  local value = redis.call('HGET', hash, id)
  reply[3] = change[1]
  if value then
    reply[#reply + 1], reply[#reply + 2] = shown(id, value)
  end
end
return reply
`,
);

/** Some of all keys, and where to go on; "0" at the end. */
export const READ_SOME: RedisScript = script(
  "key-scan",
  `
${SHOWN}
local page = redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', ${KEYS_AT_ONCE})
local reply = {page[1]}
for at = 1, #page[2], 2 do
  reply[#reply + 1], reply[#reply + 2] = shown(page[2][at], page[2][at + 1])
end
return reply
`,
);

/** A key as it lies in Redis: sound or not. */
export interface RemoteKey {
  readonly id: string;
  /** Undefined when the entry cannot be read. */
  readonly end: KeyEnd | undefined;
  readonly text: string;
}

/** What `READ_CHANGES` answers. */
export interface ChangesReply {
  readonly last: string;
  readonly count: number;
  /** Undefined when nothing has changed. */
  readonly upTo: string | undefined;
  readonly keys: readonly RemoteKey[];
}

/** Throws when it is not what the script gives. */
export function readChangesReply(reply: unknown): ChangesReply {
  const [last, count, upTo, ...flat] = requireList(reply);
  return {
    last: String(last),
    count: Number(count),
    upTo: typeof upTo === "string" ? upTo : undefined,
    keys: keysOf(flat),
  };
}

/** What `READ_SOME` answers. */
export function readSomeReply(reply: unknown): {
  readonly cursor: string;
  readonly keys: readonly RemoteKey[];
} {
  const [cursor, ...flat] = requireList(reply);
  return { cursor: String(cursor), keys: keysOf(flat) };
}

function requireList(reply: unknown): readonly unknown[] {
  if (!Array.isArray(reply)) throw new Error("the API keys in Redis cannot be read");
  return reply as readonly unknown[];
}

const ENTRY = /^(\d{1,16})\|(\d{0,16})\|(.+)$/s;

function keysOf(flat: readonly unknown[]): RemoteKey[] {
  const keys: RemoteKey[] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) {
    const [, expires, revoked = "", text = ""] = ENTRY.exec(String(flat[at + 1])) ?? [];
    const end =
      expires === undefined
        ? undefined
        : {
            expiresAtMs: Number(expires),
            revokedAtMs: revoked === "" ? undefined : Number(revoked),
          };
    keys.push({ id: String(flat[at]), end, text });
  }
  return keys;
}

function script(name: string, source: string): RedisScript {
  return { name, source, sha1: createHash("sha1").update(source).digest("hex") };
}
