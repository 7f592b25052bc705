-- Copies of events that have no time of their own, by their UUIDv8: the same id at a later time than another row of it. Looked for
-- near the rows of `activity` that are to be recomputed: Telegram delivers an update again for a day at most. Times are whole
-- nanoseconds, people are in hexadecimal.
SELECT hex(user_id), toString(event_id), toUnixTimestamp64Nano(arrayJoin(arraySlice(arraySort(groupUniqArray(ts)), 2)))
FROM events
WHERE user_id IN $people
  AND ts >= $first_slot - INTERVAL 2 DAY AND ts <= $last_slot + INTERVAL 2 DAY
  AND substring(toString(event_id), 15, 1) = '8'
GROUP BY user_id, event_id
HAVING uniqExact(ts) > 1
LIMIT {copies:UInt32}
