-- name: own_action
-- A piece of the queries below: whether a person did something themselves in a row of `activity`.
messages + commands + persona_choices + story_choices + refreshes + clears + continues + payments > 0

-- name: extent
-- How many rows there are with a believable time, and when their first and newest event happened. A record without any
-- usable time stands at 1970, and a bot's clock may run years ahead: neither may stretch "all time" or hide an outage.
SELECT count() AS rows, toUnixTimestamp64Milli(min(first_ts)) AS first, toUnixTimestamp64Milli(max(last_ts)) AS newest
FROM activity
WHERE slot >= toDateTime({earliest:UInt32}, 'UTC') AND slot <= toDateTime({now:UInt32}, 'UTC')

-- name: buckets
-- The headline figures for each bucket. Edges are instants: the zone and its clock changes are already in them.
SELECT
    roundDown(toUnixTimestamp(slot), {edges:Array(UInt32)}) AS edge,
    uniqExactIf(user_id, user_id != '' AND $own_action) AS people,
    sum(messages), sum(answers), sum(pictures), sumIf(stars, isFinite(stars))
FROM activity FINAL
WHERE slot >= toDateTime({start:UInt32}, 'UTC') AND slot < toDateTime({end:UInt32}, 'UTC')
GROUP BY edge

-- name: new_people
-- People by the bucket in which their first own action ever lies; hence all rows are looked at, not only the range's.
SELECT roundDown(first, {edges:Array(UInt32)}) AS edge, count() AS people
FROM (
    SELECT min(toUnixTimestamp(slot)) AS first
    FROM activity FINAL
    WHERE user_id != '' AND $own_action
    GROUP BY user_id
    HAVING first >= {start:UInt32} AND first < {end:UInt32}
)
GROUP BY edge

-- name: totals
-- Sums over the whole range; `people` counts each person once, so it is not the sum over buckets.
SELECT
    uniqExactIf(user_id, user_id != '' AND $own_action),
    sum(messages), sum(answers), sum(answer_failures), sum(input_tokens), sum(output_tokens),
    sum(pictures), sum(refreshes), sum(picture_failures),
    sum(offers), sum(invoices), sum(payments), sum(refunds), sumIf(stars, isFinite(stars)),
    sum(blocks), sum(unblocks), sum(failures)
FROM activity FINAL
WHERE slot >= toDateTime({start:UInt32}, 'UTC') AND slot < toDateTime({end:UInt32}, 'UTC')

-- name: funnel
-- Each step counts those of the step before it who also did this, in any order within the range.
SELECT
    countIf(started),
    countIf(started AND persona),
    countIf(started AND persona AND story),
    countIf(started AND persona AND story AND answered),
    countIf(started AND persona AND story AND answered AND paid)
FROM (
    SELECT
        sum(starts) > 0 AS started,
        sum(persona_choices) > 0 AS persona,
        sum(story_choices) > 0 AS story,
        sum(answers) > 0 AS answered,
        sum(payments) > 0 AS paid
    FROM activity FINAL
    WHERE user_id != '' AND slot >= toDateTime({start:UInt32}, 'UTC') AND slot < toDateTime({end:UInt32}, 'UTC')
    GROUP BY user_id
)

-- name: by_key
-- The counts of one of the map columns (personas, stories, command_counts) by key.
SELECT key, uniqExactIf(user_id, user_id != '') AS people, sum(number) AS total
FROM activity FINAL
ARRAY JOIN mapKeys($map) AS key, mapValues($map) AS number
WHERE slot >= toDateTime({start:UInt32}, 'UTC') AND slot < toDateTime({end:UInt32}, 'UTC')
GROUP BY key
ORDER BY total DESC, key
LIMIT {limit:UInt32}

-- name: names
-- The newest name under which each of these personas or stories was chosen. A doubled event gives the same name.
SELECT $column AS id, argMax(attributes[{attribute:String}], ts) AS name
FROM events
WHERE type = {type:String} AND $column IN {ids:Array(String)} AND attributes[{attribute:String}] != ''
GROUP BY id

-- name: languages
-- People who did something in the range, by the newest language of their client.
SELECT language, count() AS people
FROM (
    SELECT argMaxIf(language_code, slot, language_code != '') AS language
    FROM activity FINAL
    WHERE user_id != '' AND $own_action
      AND slot >= toDateTime({start:UInt32}, 'UTC') AND slot < toDateTime({end:UInt32}, 'UTC')
    GROUP BY user_id
)
GROUP BY language
ORDER BY people DESC, language

-- name: answer_times
-- How long answers took: exact quantiles need the events themselves, a sum per quarter of an hour cannot give them.
SELECT count(), quantilesExactInclusive(0.5, 0.95)(duration_ms)
FROM events FINAL
WHERE type = 'ai_message' AND error_type = '' AND duration_ms > 0 AND isFinite(duration_ms)
  AND ts >= toDateTime64({start:UInt32}, 9, 'UTC') AND ts < toDateTime64({end:UInt32}, 9, 'UTC')
