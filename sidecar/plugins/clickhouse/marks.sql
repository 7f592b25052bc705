-- The time by ClickHouse's clock, and the newest marks after {after} and up to {until}: how many, at most {rows}, the oldest of them, how
-- many are of a person whose id is no usual one or of no bot (0014_bots.sql), and up to {keys} rows of `activity` that the others are of.
SELECT
    toUnixTimestamp64Micro(now64(6)), count(), toUnixTimestamp64Micro(min(marked_at)), countIf(NOT is_usual),
    groupUniqArrayIf({keys:UInt32})((user_id, toUnixTimestamp(slot)), is_usual)
FROM (
    SELECT marked_at, slot, user_id, bot != '' AND match(user_id, '^[0-9A-Za-z_.-]{1,64}$$') AS is_usual
    FROM stale_activity
    WHERE marked_at > fromUnixTimestamp64Micro({after:Int64}, 'UTC') AND marked_at <= fromUnixTimestamp64Micro({until:Int64}, 'UTC')
    ORDER BY marked_at DESC LIMIT {rows:UInt32}
)
