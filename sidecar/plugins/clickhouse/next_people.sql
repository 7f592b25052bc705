-- The next {rows} people of $source: how many there are, and the last one, as next_stale.sql has them.
SELECT count(), max(user_id) AS last,
    if(length(last) <= 300, hex(last), concat(hex(substring(last, 1, 300)), repeat('FF', 8)))
FROM (
    SELECT DISTINCT user_id FROM $source AND user_id > unhex({first_user:String})
    ORDER BY user_id LIMIT {rows:UInt32}
)
