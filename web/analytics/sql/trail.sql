-- name: events
-- One person's events from a position onward. The comparison of `ts` alone repeats what the tuple says, because the
-- primary key (user_id, ts, event_id) can use it. After as many bytes as a page may hold it ends early; the last column counts
-- what was found.
SELECT
    toString(event_id), type, toUnixTimestamp64Nano(ts), sequence, session_id, chat_id, update_id, message_id,
    persona_id, story_id, attributes, error_type,
    -- not by name: a number that is none of the enum's may be stored, and its name is an error
    transform(toInt8(ts_source), [1, 2, 3], ['event', 'observed', 'id'], 'unknown'), count() OVER () AS found
FROM (
    SELECT *, arraySum(text -> length(text), mapValues(attributes)) AS bytes
    FROM shown_events AS events
    WHERE $who AND $of_bot AND $after
    ORDER BY ts $order, sequence $order, events.event_id $order
    LIMIT {limit:UInt32}
)
QUALIFY sum(bytes) OVER (ORDER BY ts $order, sequence $order, event_id $order ROWS UNBOUNDED PRECEDING) - bytes < {bytes:UInt64}
ORDER BY ts $order, sequence $order, event_id $order

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
