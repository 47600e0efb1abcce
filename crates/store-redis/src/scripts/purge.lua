-- Forgets the delivery KEYS[1], if it was finished before ARGV[1].
local finished = redis.call('HGET', KEYS[1], 'finished')
if finished and finished < ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
