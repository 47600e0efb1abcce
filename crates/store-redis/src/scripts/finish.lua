-- Finishes the delivery KEYS[1], if it was begun by this worker last. A second time changes nothing.
-- ARGV: owner, now, seconds to keep it
local owner, finished = unpack(redis.call('HMGET', KEYS[1], 'owner', 'finished'))
if owner ~= ARGV[1] then
  return 0
end
if not finished then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'owner', owner, 'finished', ARGV[2])
  redis.call('EXPIRE', KEYS[1], ARGV[3])
end
return 1
