-- The next {rows} rows of `activity` that are to be recomputed: how many there are, and the key of the last one. A key travels as a
-- parameter, so its person is in hexadecimal, and for an id of more than 300 bytes it is the place behind all ids that begin so.
SELECT
    uniqExact(user_id, slot),
    max((toYYYYMM(slot), user_id, toUnixTimestamp(slot))) AS last,
    last.1,
    if(length(last.2) <= 300, hex(last.2), concat(hex(substring(last.2, 1, 300)), repeat('FF', 8))),
    if(length(last.2) <= 300, last.3, 4294967295),
    countIf(bot = '') > 0
FROM (
    SELECT user_id, slot, bot FROM stale_activity
    WHERE marked_at > fromUnixTimestamp64Micro({after:Int64}, 'UTC') AND marked_at <= fromUnixTimestamp64Micro({until:Int64}, 'UTC')
      AND (toYYYYMM(slot) > {first_month:UInt32} OR toYYYYMM(slot) = {first_month:UInt32} AND user_id >= unhex({first_user:String}))
      AND (toYYYYMM(slot), user_id, slot) > ({first_month:UInt32}, unhex({first_user:String}), toDateTime({first_slot:UInt32}, 'UTC'))
    ORDER BY toYYYYMM(slot), user_id, slot, bot
    LIMIT {rows:UInt32}
)
SETTINGS max_threads = 1, max_block_size = 8192
