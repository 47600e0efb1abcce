-- A page of the history KEYS[2], whose name and end are in KEYS[1].
-- ARGV: name of the history and number up to which it is known, revocations in a page
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
if not run then
  return redis.error_reply('ERR INFO has no run_id')
end
local name, last = unpack(redis.call('HMGET', KEYS[1], 'epoch', 'number'))
last = last or '0'
-- A server that was started anew, or that took over, may have lost the end of the history and have
-- given its numbers to others since.
local epoch = string.sub(redis.sha1hex(run .. (name or '')), 1, 16)
local after = '0'
if epoch == ARGV[1] and tonumber(ARGV[2]) <= tonumber(last) then
  after = ARGV[2]
end
-- One more than the page, to tell whether it is the last.
local rows = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. after, '+inf', 'LIMIT', 0, ARGV[3] + 1)
return {epoch, last, rows}
