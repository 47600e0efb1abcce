-- Ends the lease on the delivery KEYS[1], if it is still this worker's.
-- ARGV: owner, and what failed, if anything did
local owner, leased = unpack(redis.call('HMGET', KEYS[1], 'owner', 'until'))
if owner ~= ARGV[1] or not leased then
  return 0
end
redis.call('HDEL', KEYS[1], 'owner', 'until')
if ARGV[2] then
  redis.call('HSET', KEYS[1], 'failure', ARGV[2])
end
return 1
