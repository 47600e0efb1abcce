-- Removes what has expired from a page of the history KEYS[1]. Answers with how many are gone, and
-- with the number at which the page ends, or -1 at the end of the history.
-- ARGV: now, number after which the page begins, revocations in a page
local rows = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[2], '+inf', 'LIMIT', 0, ARGV[3])
local gone, number = 0, -1
for _, row in ipairs(rows) do
  local own, expires = string.match(row, '^(%d+) %-?%d+ (%-?%d+) ')
  -- Lua's numbers round times that are further away than any clock.
  if tonumber(expires) <= tonumber(ARGV[1]) then
    gone = gone + redis.call('ZREM', KEYS[1], row)
  end
  number = tonumber(own)
end
return {gone, number}
