-- name: recent_people
-- Those {people} of whom something came last, as it was marked when it was stored. Marks lie in hours; how many there are depends on
-- the last hour alone.
SELECT user_id FROM stale_activity
WHERE marked_at >= toDateTime64({marked:UInt32}, 6, 'UTC') AND slot >= toStartOfFifteenMinutes(toDateTime({start:UInt32}, 'UTC'))
    AND user_id != '' AND $of_bot
GROUP BY user_id
ORDER BY max(marked_at) DESC, user_id
LIMIT {people:UInt32}

-- name: live
-- The newest {limit} events of these people in a stretch of time: their places by the narrow key first, then these alone.
SELECT
    hex(user_id), hex(bot),
    toString(event_id), type, toUnixTimestamp64Nano(ts), sequence, session_id, chat_id, update_id, message_id,
    persona_id, story_id, attributes, error_type, transform(toInt8(ts_source), [1, 2, 3], ['event', 'observed', 'id'], 'unknown'), 0
FROM (
    SELECT * FROM events
    WHERE (user_id, ts, event_id) IN (
        SELECT user_id, ts, event_id FROM events
        WHERE user_id IN ($recent) AND $between AND $of_bot
        ORDER BY ts DESC, event_id DESC
        LIMIT 1 BY user_id, ts, event_id
        LIMIT {limit:UInt32}
    )
    ORDER BY received_at DESC
    LIMIT 1 BY user_id, ts, event_id
)
ORDER BY ts DESC, sequence DESC, event_id DESC

-- name: pulse
-- People who did something themselves, their messages, payments and failures in a stretch of time, as recompute_activity.sql of the
-- sidecar counts them.
SELECT
    uniqExactIf(user_id,
        type IN ('user_message', 'command', 'start_command', 'persona_selected', 'story_selected', 'image_refresh',
            'chat_cleared', 'chat_continued', 'chat_action')
        OR premium_action = 'paid' OR type = 'message_edited' AND side = 'person' OR type = 'reaction' AND side != 'bot'
        OR type = 'poll' AND action != 'closed' OR type = 'custom' AND update_id != 0),
    countIf(type = 'user_message'),
    countIf(premium_action = 'paid'),
    countIf(type = 'handler_failed' OR type IN ('ai_message', 'image_generated') AND error_type != '')
FROM (
    SELECT user_id, type, premium_action, side, action, update_id, error_type FROM events
    WHERE user_id IN ($recent) AND $between AND $of_bot
    ORDER BY received_at DESC
    LIMIT 1 BY user_id, ts, event_id
)

-- name: pulse_of_slots
-- The same from the sums, of the quarters of an hour from {start} on.
SELECT groupBitmapMerge(people), sum(messages), sum(payments), sum(failures + answer_failures + picture_failures)
FROM figures FINAL
WHERE grain = 'slot' AND at >= toDateTime({start:UInt32}, 'UTC') AND at < toDateTime({end:UInt32}, 'UTC') AND $of_bot
