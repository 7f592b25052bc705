-- The next {rows} persons' quarters of an hour of $source, behind a person of a month, people in hexadecimal.
SELECT DISTINCT toYYYYMM(slot) AS month, hex(user_id), toUnixTimestamp(slot) AS at
FROM $source
    AND (toYYYYMM(slot) > {month:UInt32} OR toYYYYMM(slot) = {month:UInt32} AND user_id > unhex({user:String}))
ORDER BY month, user_id, slot
LIMIT {rows:UInt32}
