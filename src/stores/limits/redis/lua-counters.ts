/**
 * How counters that time refills are kept in Redis, in Lua: one string a counter, whole numbers only. The arithmetic is
 * the memory store's, number for number. None of it may spend when it only looks.
 *
 * Each kind has the same functions: `load` reads a counter, `ready` brings it up to now under a rule's numbers, `wait`
 * says for how long so many units have to wait, `take` spends, `left` and `reset` are its reading, `settle` corrects, and
 * `save` writes. What a script saves is written at its end: a server without memory refuses the first write, and then
 * nothing has been spent.
 */
import { SLIDING_SLOTS } from "../limit-store.ts";

/**
 * Counters stay this much longer than what they say is of use, so that a clock set back by less finds them. Raised, the
 * counters of one-time subjects take memory of the server for longer.
 */
const KEEP_LONGER_MS = 5_000;

/**
 * A clock that is behind by less than this counts as standing still: one that goes back and forth by a little refills
 * nothing. Set back by more, time passes from there on as ever, so that nobody is locked out.
 */
const STEADY_MS = 1_000;

/** `now` is the server's time; Lua's numbers are doubles, so whole numbers up to 2^53 are exact. */
export const PRELUDE = `
local ceil, floor, max, min = math.ceil, math.floor, math.max, math.min
local format, match = string.format, string.match
local time = redis.call('TIME')
local now = time[1] * 1000 + floor(time[2] / 1000)
local LARGEST = 9007199254740991

local function text(n) return format('%.0f', n) end

local function integers(list)
  local found, n = {}, 0
  for digits in string.gmatch(list, '%-?%d+') do
    n = n + 1
    found[n] = tonumber(digits)
  end
  return found, n
end

local function keep(key, value, ms)
  redis.call('SET', key, value, 'PX', text(max(1, ms) + ${KEEP_LONGER_MS}))
end
`;

const BUCKET = `
local bucket = {}

function bucket.load(key)
  local stored = redis.call('GET', key)
  if not stored then return { debt = 0, per = 1, at = now } end
  local debt, per, at = match(stored, '^(%d+) (%d+) (%d+)$')
  return { debt = tonumber(debt), per = tonumber(per), at = tonumber(at) }
end

function bucket.ready(s, _, count, per)
  s.count = count
  if s.per ~= per then
    if s.debt > 0 then s.isDirty = true end
    s.debt = min(LARGEST, ceil(s.debt / s.per * per))
    s.per = per
  end
  local elapsed = now - s.at
  if elapsed <= 0 and elapsed > -${STEADY_MS} then return end
  if elapsed > 0 then s.debt = max(0, s.debt - elapsed * count) else s.isDirty = true end
  s.at = now
end

function bucket.wait(s, need, limit)
  if need > limit then return max(1, bucket.reset(s)) end
  return max(0, ceil((s.debt - (limit - need) * s.per) / s.count))
end

function bucket.take(s, units)
  s.debt = min(LARGEST, s.debt + units * s.per)
  s.isDirty = true
end

function bucket.left(s, limit) return floor((limit * s.per - s.debt) / s.per) end

function bucket.reset(s) return ceil(s.debt / s.count) end

function bucket.settle(s, delta, count, per)
  bucket.ready(s, 0, count, per)
  s.debt = min(LARGEST, max(0, s.debt + delta * per))
  s.isDirty = true
end

function bucket.save(key, s)
  if s.debt == 0 then redis.call('DEL', key)
  else keep(key, format('%.0f %.0f %.0f', s.debt, s.per, s.at), ceil(s.debt / s.count)) end
end
`;

const SLIDING = `
local sliding = {}

function sliding.load(key)
  local s = { length = 0, slots = {}, used = {}, total = 0 }
  local stored = redis.call('GET', key)
  if not stored then return s end
  local found, n = integers(stored)
  s.length = found[1]
  for i = 1, (n - 1) / 2 do
    s.slots[i] = found[2 * i]
    s.used[i] = found[2 * i + 1]
    s.total = s.total + s.used[i]
  end
  return s
end

function sliding.ready(s, _, length)
  if s.readyFor == length then return end
  s.readyFor = length
  s.now = floor(now / length)
  local newest = s.slots[#s.slots]
  if newest and s.length ~= length then
    s.slots, s.used, s.isDirty = { s.now }, { s.total }, true
  elseif newest and newest > s.now and newest * length - now < ${STEADY_MS} then s.now = newest
  elseif newest and newest > s.now then
    for i = 1, #s.slots do s.slots[i] = s.slots[i] - (newest - s.now) end
    s.isDirty = true
  end
  s.length = length
  while s.slots[1] and s.slots[1] <= s.now - ${SLIDING_SLOTS} do
    s.total = s.total - s.used[1]
    table.remove(s.slots, 1)
    table.remove(s.used, 1)
  end
end

local function leaves(s, i) return (s.slots[i] + ${SLIDING_SLOTS}) * s.length - now end

function sliding.wait(s, need, limit)
  local over = s.total + need - limit
  if over <= 0 then return 0 end
  for i = 1, #s.slots do
    over = over - s.used[i]
    if over <= 0 then return leaves(s, i) end
  end
  return max(1, sliding.reset(s))
end

function sliding.take(s, units)
  if units == 0 then return end
  local last = #s.slots
  if s.slots[last] == s.now then s.used[last] = s.used[last] + units
  else
    table.insert(s.slots, s.now)
    table.insert(s.used, units)
  end
  s.total = s.total + units
  s.isDirty = true
end

function sliding.left(s, limit) return limit - s.total end

function sliding.reset(s)
  if #s.slots == 0 then return 0 end
  return leaves(s, #s.slots)
end

function sliding.settle(s, delta, length, slot)
  sliding.ready(s, 0, length)
  for i = 1, #s.slots do
    if s.slots[i] == slot then
      local used = max(0, s.used[i] + delta)
      s.total = s.total + used - s.used[i]
      s.used[i] = used
      s.isDirty = true
      if used == 0 then
        table.remove(s.slots, i)
        table.remove(s.used, i)
      end
      return
    end
  end
  if delta > 0 then sliding.take(s, delta) end
end

function sliding.save(key, s)
  if #s.slots == 0 then return redis.call('DEL', key) end
  local list = { text(s.length) }
  for i = 1, #s.slots do list[i + 1] = format('%.0f %.0f', s.slots[i], s.used[i]) end
  keep(key, table.concat(list, ' '), leaves(s, #s.slots))
end
`;

const QUOTA = `
local quota = {}

function quota.load(key)
  local stored = redis.call('GET', key)
  if not stored then return { start = 0, stop = 0, used = 0 } end
  local start, stop, used = match(stored, '^(%d+) (%d+) (%d+)$')
  return { start = tonumber(start), stop = tonumber(stop), used = tonumber(used) }
end

-- An earlier window, or another time zone's that overlaps, is no fresh allowance.
function quota.ready(s, _, start, stop)
  if s.start == start and s.stop == stop then return end
  if now < s.start and s.start - now < ${STEADY_MS} then return end
  if start >= s.stop then s.used = 0 else s.isDirty = true end
  s.start, s.stop = start, stop
end

function quota.wait(s, need, limit)
  if s.used + need <= limit then return 0 end
  return s.stop - now
end

function quota.take(s, units)
  s.used = min(LARGEST, s.used + units)
  s.isDirty = true
end

function quota.left(s, limit) return limit - s.used end

function quota.reset(s) return s.stop - now end

-- True: what was used more belongs to a window that the caller has yet to name.
function quota.settle(s, delta, start, stop)
  if delta > 0 then
    if now < start or now >= stop then return true end
    quota.ready(s, 0, start, stop)
  elseif s.start ~= start or s.stop ~= stop then return end
  s.used = min(LARGEST, max(0, s.used + delta))
  s.isDirty = true
end

function quota.save(key, s) keep(key, format('%.0f %.0f %.0f', s.start, s.stop, s.used), s.stop - now) end
`;

export const COUNTERS = `${BUCKET}${SLIDING}${QUOTA}`;
