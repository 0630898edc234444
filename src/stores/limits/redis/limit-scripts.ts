/**
 * The scripts that decide, correct and renew. Each runs as one atomic step; each takes many requests at once, which it
 * serves in their order as if each had come alone, and reads and writes every counter at most once. Numbers travel as
 * one text, whole numbers between spaces, because that is the least work for both sides.
 */
import { hash } from "node:crypto";
import type { RedisScript } from "../../redis/redis-link.ts";
import { COUNTERS, PRELUDE } from "./lua-counters.ts";
import { SLOTS } from "./lua-slots.ts";

/** What the scripts call a kind; the order of `kinds` below. */
export const KIND_CODES = { bucket: 1, sliding: 2, quota: 3, slots: 4 } as const;
export type KindCode = (typeof KIND_CODES)[keyof typeof KIND_CODES];

/** Numbers of a rule in a decision: kind, key, units, units ahead, limit, and three of its kind. */
const RULE_NUMBERS = 8;
/** Kind, key, difference, and two of its kind. */
const CORRECTION_NUMBERS = 5;
/** Key, count, epoch. */
const RENEWAL_NUMBERS = 3;

/** First in the readings of a request. Above zero: the place of the rule that refused it. */
export const GRANTED = 0;
/** A calendar window that was sent is not the server's: nothing was decided. */
export const STALE = -1;

const SHARED = `${PRELUDE}
local owner, lease = ARGV[1], tonumber(ARGV[2])
${COUNTERS}${SLOTS}
local kinds = { bucket, sliding, quota, slots }
local states = {}

local function state(kind, k)
  local s = states[k]
  if not s then
    s = kind.load(KEYS[k])
    s.kind = kind
    states[k] = s
  end
  return s
end

local function save()
  for k, s in pairs(states) do
    if s.isDirty then s.kind.save(KEYS[k], s) end
  end
end
`;

/**
 * ARGV: owner, lease, and numbers: what the rest is divided by for units ahead, then for each request the number of its rules
 * and the rules. Answers the time, then for each request its status, its wait, and for each rule what is left, when it is
 * whole again, and the units granted ahead.
 */
const DECIDE = `${SHARED}
local n, size = integers(ARGV[3])
local divisor = n[1]
local reply, r = { now }, 1

local function answer(a, b)
  reply[r + 1], reply[r + 2] = a, b
  r = r + 2
end

local function refusal(at, rules)
  local refusedBy, longest = ${GRANTED}, 0
  for i = 1, rules do
    local p = at + (i - 1) * ${RULE_NUMBERS}
    local kind = kinds[n[p]]
    if kind == quota and (now < n[p + 5] or now >= n[p + 6]) then return ${STALE}, 0 end
    local s = state(kind, n[p + 1])
    kind.ready(s, n[p + 4], n[p + 5], n[p + 6], n[p + 7])
    local wait = kind.wait(s, n[p + 2], n[p + 4])
    if wait > longest then refusedBy, longest = i, wait end
  end
  return refusedBy, longest
end

local at = 2
while at <= size do
  local rules = n[at]
  at = at + 1
  local status, wait = refusal(at, rules)
  answer(status, wait)
  for p = at, at + rules * ${RULE_NUMBERS} - 1, ${RULE_NUMBERS} do
    local left, reset, ahead = 0, 0, 0
    if status ~= ${STALE} then
      local kind, s, limit = kinds[n[p]], states[n[p + 1]], n[p + 4]
      if status == ${GRANTED} then
        if n[p + 2] > 0 then kind.take(s, n[p + 2]) end
        if n[p + 3] > 0 then
          ahead = max(0, min(n[p + 3], floor(kind.left(s, limit) / divisor)))
          if ahead > 0 then kind.take(s, ahead) end
        end
      end
      left, reset = max(0, kind.left(s, limit)), kind.reset(s)
    end
    answer(left, reset)
    reply[r + 1] = ahead
    r = r + 1
  end
  at = at + rules * ${RULE_NUMBERS}
end
save()
return reply
`;

/**
 * KEYS[1] remembers which batches of this owner were applied, so that one that is sent again is not applied again. ARGV:
 * owner, lease, the batch's number, the lowest number that may still be sent, how long to remember, and corrections.
 * Answers the time and the places (from 0) of those that belong to a calendar window which has yet to be named.
 */
const SETTLE = `${SHARED}
local batch, lowest = tonumber(ARGV[3]), tonumber(ARGV[4])
local floored = redis.call('ZSCORE', KEYS[1], 'lowest')
if floored and batch < tonumber(floored) then return { now } end
if redis.call('ZADD', KEYS[1], 'NX', batch, ARGV[3]) == 0 then return { now } end
redis.call('ZADD', KEYS[1], 'GT', lowest, 'lowest')
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. text(lowest))
redis.call('PEXPIRE', KEYS[1], ARGV[5])
local n, size = integers(ARGV[6])
local late = { now }
for p = 1, size, ${CORRECTION_NUMBERS} do
  local kind = kinds[n[p]]
  if kind.settle(state(kind, n[p + 1]), n[p + 2], n[p + 3], n[p + 4]) then
    table.insert(late, floor(p / ${CORRECTION_NUMBERS}))
  end
end
save()
return late
`;

/** ARGV: owner, lease, and what the owner declares: its count and the epoch, for each key. */
const RENEW = `${SHARED}
local n, size = integers(ARGV[3])
for p = 1, size, ${RENEWAL_NUMBERS} do slots.renew(state(slots, n[p]), n[p + 1], n[p + 2]) end
save()
return now
`;

const script = (name: string, source: string): RedisScript => ({
  name,
  source,
  sha1: hash("sha1", source),
});

export const DECIDE_SCRIPT: RedisScript = script("limits-decide", DECIDE);
export const SETTLE_SCRIPT: RedisScript = script("limits-settle", SETTLE);
export const RENEW_SCRIPT: RedisScript = script("limits-renew", RENEW);
