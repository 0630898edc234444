/**
 * How the slots of concurrency are kept in Redis, in Lua: one hash a counter, a field an owner, in it the owner's count,
 * the epoch of that count, when its lease ends, and the lease's length. A slot can never leak for good: an owner that does
 * not renew is dropped when its lease ends.
 *
 * An owner knows best how many slots it holds, so at any time it may declare its count under a new epoch. Messages are then
 * safe to lose, to repeat and to overtake each other, because each says under which epoch it was sent:
 * - a declaration replaces what an older epoch said, and does nothing against a newer one;
 * - a taking under the stored epoch adds; under an older one it adds nothing, for the declaration that overtook it has
 *   counted it among those under way; under a newer one, the declaration that was lost is made up for first;
 * - a giving back counts only under the stored epoch: every newer declaration left that slot out already.
 */
import { CONCURRENCY_RETRY_MS } from "../limit-store.ts";

/** Expects the globals of the prelude, and the locals `owner` and `lease` (of this owner, in milliseconds). */
export const SLOTS = `
local slots = {}

local function lease_text(...) return format('%.0f %.0f %.0f %.0f', ...) end

function slots.load(key)
  local s = { others = 0, ended = {}, shortened = {}, longest = lease }
  local fields = redis.call('HGETALL', key)
  for i = 1, #fields, 2 do
    local count, epoch, ends, length = match(fields[i + 1], '^(%d+) (%d+) (%d+) (%d+)$')
    count, epoch, ends, length = tonumber(count), tonumber(epoch), tonumber(ends), tonumber(length)
    if ends > now + length then
      -- The clock was set back: the lease is as long as it ever was, but not longer.
      ends = now + length
      table.insert(s.shortened, fields[i])
      table.insert(s.shortened, lease_text(count, epoch, ends, length))
      s.isDirty = true
    end
    if ends <= now then table.insert(s.ended, fields[i])
    elseif fields[i] == owner then s.mine = { count = count, epoch = epoch }
    else
      s.others = s.others + count
      s.longest = max(s.longest, length)
    end
  end
  return s
end

local function declare(s, epoch, count)
  s.mine = { count = count, epoch = epoch }
  if count > 0 then s.isDirty = true end
end

-- Nothing stored: all was lost, which is made up for, or a declaration is late, which has counted what is under way.
function slots.ready(s, _, epoch, declared, held)
  if not s.mine then declare(s, epoch, max(declared, held))
  elseif s.mine.epoch < epoch then
    s.isDirty = true
    declare(s, epoch, declared)
  end
  s.isCounted = s.mine.epoch > epoch
end

function slots.wait(s, need, limit)
  local running = s.others + s.mine.count
  if not s.isCounted then running = running + need end
  if running <= limit then return 0 end
  return ${CONCURRENCY_RETRY_MS}
end

function slots.take(s, units)
  if not s.isCounted then s.mine.count = s.mine.count + units end
  s.isDirty = true
end

function slots.left(s, limit) return limit - s.others - s.mine.count end

function slots.reset() return 0 end

function slots.settle(s, count, epoch)
  if not s.mine or s.mine.epoch ~= epoch then return end
  s.mine.count = max(0, s.mine.count - count)
  s.isDirty = true
end

function slots.renew(s, count, epoch)
  if not s.mine and count == 0 then return end
  if not s.mine or s.mine.epoch < epoch then s.mine = { count = count, epoch = epoch } end
  s.isDirty = true
end

function slots.save(key, s)
  if #s.ended > 0 then redis.call('HDEL', key, unpack(s.ended)) end
  if #s.shortened > 0 then redis.call('HSET', key, unpack(s.shortened)) end
  if s.mine then
    redis.call('HSET', key, owner, lease_text(s.mine.count, s.mine.epoch, now + lease, lease))
  end
  redis.call('PEXPIRE', key, text(s.longest))
end
`;
