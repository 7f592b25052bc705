-- name: reach
-- How far a page reaches at most: the time of the last of {limit} events from a position onward. Doubles of one event stand side by
-- side in the order of the table, which is read from the position until there are enough; the newest is the one that counts. What
-- has the very time of the position is left out here, as part of it may lie before the position: it is within reach in any case.
SELECT count(), toUnixTimestamp64Nano($farthest(ts)) FROM (
    SELECT ts FROM (
        SELECT ts, event_id, bot FROM events
        WHERE $who AND ts != toDateTime64(0, 9, 'UTC') AND $beyond AND $filter
        ORDER BY ts $order, event_id $order, received_at DESC
        LIMIT 1 BY ts, event_id
    )
    WHERE $of_bot
    ORDER BY ts $order
    LIMIT {limit:UInt32}
)

-- name: events
-- One person's events from a position onward, as far as $within says: what is read is rid of its doubles, and nothing else is read. One
-- without any time stands at 1970 and is shown at the time it was received. Conditions on `ts` alone are for the primary key
-- (user_id, ts, event_id). After as many bytes as a page may hold it ends early; the last column counts what was found.
SELECT
    toString(event_id), type, toUnixTimestamp64Nano(ts), sequence, session_id, chat_id, update_id, message_id,
    persona_id, story_id, attributes, error_type,
    -- not by name: a number that is none of the enum's may be stored, and its name is an error
    transform(toInt8(ts_source), [1, 2, 3], ['event', 'observed', 'id'], 'unknown'), count() OVER () AS found
FROM (
    SELECT *, arraySum(text -> length(text), mapValues(attributes)) AS bytes
    FROM (
        SELECT $columns, ts FROM events
        WHERE $who AND ts != toDateTime64(0, 9, 'UTC') AND $within AND $filter
        ORDER BY received_at DESC
        LIMIT 1 BY ts, event_id
        UNION ALL
        SELECT $columns, $received AS shown FROM events
        WHERE $who AND events.ts = toDateTime64(0, 9, 'UTC') AND $filter
        ORDER BY received_at DESC
        LIMIT 1 BY event_id
    ) AS events
    WHERE $of_bot AND $after
    ORDER BY ts $order, sequence $order, events.event_id $order
    LIMIT {limit:UInt32}
)
QUALIFY sum(bytes) OVER (ORDER BY ts $order, sequence $order, event_id $order ROWS UNBOUNDED PRECEDING) - bytes < {bytes:UInt64}
ORDER BY ts $order, sequence $order, event_id $order

-- name: received
-- A piece of the queries here: when an event without a time was received, as the nanoseconds since 1970 that the time of others is.
greatest(least(received_at, toDateTime64('2262-04-11', 3, 'UTC')), toDateTime64(0, 3, 'UTC'))::DateTime64(9, 'UTC')

-- name: place
-- Where one event stands in its trail: the time at which it is shown, in nanoseconds, and its number in its process.
SELECT toUnixTimestamp64Nano(if(ts = toDateTime64(0, 9, 'UTC'), $received, ts)), sequence
FROM events
WHERE $who AND event_id = {event_id:UUID} AND $of_bot
ORDER BY received_at DESC
LIMIT 1

-- name: sessions
-- When some sessions began and ended; the times around them are for the primary key.
SELECT session_id, toUnixTimestamp64Nano(min(ts)), toUnixTimestamp64Nano(max(ts))
FROM events
WHERE $who AND $of_bot AND session_id IN {sessions:Array(String)}
    AND ts BETWEEN fromUnixTimestamp64Nano({first:Int64}, 'UTC') AND fromUnixTimestamp64Nano({last:Int64}, 'UTC')
GROUP BY session_id

-- name: images_of
-- Where the pictures of some events stand.
SELECT toString(event_id), status, store, content_type, width, height, reason
FROM images FINAL
WHERE event_id IN {event_ids:Array(UUID)}

-- name: image
-- Where one picture lies.
SELECT status, store, key, content_type, sha256, reason
FROM images FINAL
WHERE event_id = {event_id:UUID}
LIMIT 1
