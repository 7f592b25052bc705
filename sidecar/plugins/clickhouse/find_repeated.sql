-- Copies of events that have no time of their own, by their UUIDv8: the same id at a later time than another row of it. Looked for
-- near the rows of `activity` that are to be recomputed: Telegram delivers an update again for a day at most. Times are whole
-- nanoseconds, people are in hexadecimal.
WITH marked AS (
    SELECT user_id, slot FROM stale_activity
    WHERE marked_at > fromUnixTimestamp64Micro({after:Int64}, 'UTC') AND marked_at <= fromUnixTimestamp64Micro({until:Int64}, 'UTC')
      AND (toYYYYMM(slot) > {first_month:UInt32} OR toYYYYMM(slot) = {first_month:UInt32} AND user_id >= unhex({first_user:String}))
      AND (toYYYYMM(slot) < {last_month:UInt32} OR toYYYYMM(slot) = {last_month:UInt32} AND user_id <= unhex({last_user:String}))
      AND (toYYYYMM(slot), user_id, slot) > ({first_month:UInt32}, unhex({first_user:String}), toDateTime({first_slot:UInt32}, 'UTC'))
      AND (toYYYYMM(slot), user_id, slot) <= ({last_month:UInt32}, unhex({last_user:String}), toDateTime({last_slot:UInt32}, 'UTC'))
    GROUP BY user_id, slot
)
SELECT hex(user_id), toString(event_id), toUnixTimestamp64Nano(arrayJoin(arraySlice(arraySort(groupUniqArray(ts)), 2)))
FROM events
WHERE user_id IN (SELECT user_id FROM marked)
  AND ts >= (SELECT min(slot) FROM marked) - INTERVAL 2 DAY AND ts <= (SELECT max(slot) FROM marked) + INTERVAL 2 DAY
  AND substring(toString(event_id), 15, 1) = '8'
GROUP BY user_id, event_id
HAVING uniqExact(ts) > 1
LIMIT 1000
