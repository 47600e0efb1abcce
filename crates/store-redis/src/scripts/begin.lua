-- Begins the delivery KEYS[1], unless it is finished or leased.
-- ARGV: now, until, owner, timestamp, body, seconds to keep it
local finished, leased = unpack(redis.call('HMGET', KEYS[1], 'finished', 'until'))
if finished then
  return {'done', ''}
end
-- Times are compared as text: Lua's numbers would round them.
if leased and leased > ARGV[1] then
  return {'busy', leased}
end
redis.call('HSET', KEYS[1], 'begun', ARGV[1], 'until', ARGV[2], 'owner', ARGV[3],
  'timestamp', ARGV[4], 'body', ARGV[5])
redis.call('EXPIRE', KEYS[1], ARGV[6])
return {'fresh', redis.call('HINCRBY', KEYS[1], 'attempts', 1)}
