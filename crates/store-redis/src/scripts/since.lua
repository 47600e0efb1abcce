-- A page of the history KEYS[2], whose name and end are in KEYS[1].
-- ARGV: name of the history and number up to which it is known, revocations in a page
local epoch, last = unpack(redis.call('HMGET', KEYS[1], 'epoch', 'number'))
epoch, last = epoch or '0', last or '0'
local after = '0'
if epoch == ARGV[1] and tonumber(ARGV[2]) <= tonumber(last) then
  after = ARGV[2]
end
-- One more than the page, to tell whether it is the last.
local rows = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. after, '+inf', 'LIMIT', 0, ARGV[3] + 1)
return {epoch, last, rows}
