-- The time by ClickHouse's clock, and the newest marks since another one: how many, at most {rows}, and the oldest of them.
SELECT toUnixTimestamp64Micro(now64(6)), count(), toUnixTimestamp64Micro(min(marked_at))
FROM (
    SELECT marked_at FROM stale_activity
    WHERE marked_at > fromUnixTimestamp64Micro({since:Int64}, 'UTC') ORDER BY marked_at DESC LIMIT {rows:UInt32}
)
