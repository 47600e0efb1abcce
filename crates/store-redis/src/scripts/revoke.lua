-- Adds revocations to the history KEYS[2], whose name and end are in KEYS[1], and announces them.
-- ARGV: name of the history if it is new, channel, then each revocation as text
if redis.call('HSETNX', KEYS[1], 'epoch', ARGV[1]) == 1 then
  -- What is left of a history whose end was lost is told anew, under the new name.
  local last = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')
  redis.call('HSET', KEYS[1], 'number', last[2] or 0)
end
for index = 3, #ARGV do
  local number = redis.call('HINCRBY', KEYS[1], 'number', 1)
  -- The number is in the text, too, so that no two are the same.
  redis.call('ZADD', KEYS[2], number, number .. ' ' .. ARGV[index])
end
-- Recorded it is, even if this user may not publish: whoever follows asks every second, too.
redis.pcall('PUBLISH', ARGV[2], '')
return redis.status_reply('OK')
