-- name: own_action
-- A piece of the queries below: whether a person did something themselves in a row of `activity`.
messages + commands + persona_choices + story_choices + refreshes + clears + continues + payments > 0

-- name: short
-- A piece of the queries below: a text that may be of any length and any bytes, as a name to show.
(t -> toValidUTF8(if(length(t) > 300, concat(substringUTF8(t, 1, 100), '…'), t)))

-- name: extent
-- How many rows there are with a believable time, and when their first and newest event happened. A bot's clock may run years
-- ahead: that may neither stretch "all time" nor hide an outage. Only the quarter of an hour is checked, so a time beside it
-- counts as its end. A record without any usable time stands at 1970, and happened when it was received.
SELECT
    count() AS rows,
    min(slot = 0 ? received_first : at) AS first,
    max(slot = 0 ? least(toUnixTimestamp64Milli(last_ts), latest) : greatest(at, least(toUnixTimestamp64Milli(last_ts), at + 899999))) AS newest
FROM (
    SELECT
        slot, last_ts,
        toInt64(toUnixTimestamp(slot)) * 1000 AS at,
        toUnixTimestamp64Milli(first_ts) AS received_first,
        toInt64({now:UInt32}) * 1000 + 899999 AS latest
    FROM activity
    WHERE slot >= toDateTime({earliest:UInt32}, 'UTC') AND slot <= toDateTime({now:UInt32}, 'UTC')
        OR slot = 0 AND received_first BETWEEN toInt64({earliest:UInt32}) * 1000 AND latest
)

-- name: buckets
-- The headline figures for each bucket. Edges are instants: the zone and its clock changes are already in them.
SELECT
    roundDown(toUnixTimestamp(slot), {edges:Array(UInt32)}) AS edge,
    uniqExactIf(user_id, user_id != '' AND $own_action) AS people,
    sum(messages), sum(answers), sum(pictures), sumIf(stars, abs(stars) <= 1e15)
FROM activity FINAL
WHERE slot >= toDateTime({start:UInt32}, 'UTC') AND slot < toDateTime({end:UInt32}, 'UTC')
GROUP BY edge

-- name: new_people
-- People by the bucket in which their first own action ever lies; hence all rows are looked at, not only the range's. An
-- event without any time lies in 1970 and says nothing of when its person came.
SELECT roundDown(first, {edges:Array(UInt32)}) AS edge, count() AS people
FROM (
    SELECT min(toUnixTimestamp(slot)) AS first
    FROM activity FINAL
    WHERE user_id != '' AND slot >= toDateTime({earliest:UInt32}, 'UTC') AND $own_action
    GROUP BY user_id
    HAVING first >= {start:UInt32} AND first < {end:UInt32}
)
GROUP BY edge

-- name: totals
-- Sums over the whole range; `people` counts each person once, so it is not the sum over buckets. The last three say how many
-- numbers the sums leave out: those of events, and sums of a quarter of an hour that cannot be.
SELECT
    uniqExactIf(user_id, user_id != '' AND $own_action),
    sum(messages), sum(answers), sum(answer_failures),
    sumIf(input_tokens, input_tokens <= 1e15), sumIf(output_tokens, output_tokens <= 1e15),
    sum(pictures), sum(refreshes), sum(picture_failures),
    sum(offers), sum(invoices), sum(payments), sum(refunds), sumIf(stars, abs(stars) <= 1e15),
    sum(blocks), sum(unblocks), sum(failures),
    sum(amounts_left_out) + countIf(NOT abs(stars) <= 1e15),
    sum(durations_left_out),
    sum(tokens_left_out) + countIf(input_tokens > 1e15) + countIf(output_tokens > 1e15)
FROM activity FINAL
WHERE slot >= toDateTime({start:UInt32}, 'UTC') AND slot < toDateTime({end:UInt32}, 'UTC')

-- name: untimed
-- Events without any time, ever: they stand at 1970, so they are in no range and in no figure.
SELECT sum(events) FROM activity FINAL WHERE slot = toDateTime(0, 'UTC')

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
WITH $short AS short
SELECT short(named) AS key, uniqExactIf(user_id, user_id != '') AS people, sum(number) AS total
FROM activity FINAL
ARRAY JOIN mapKeys($map) AS named, mapValues($map) AS number
WHERE slot >= toDateTime({start:UInt32}, 'UTC') AND slot < toDateTime({end:UInt32}, 'UTC')
GROUP BY key
ORDER BY total DESC, key
LIMIT {limit:UInt32}

-- name: names
-- The newest name under which each of these personas or stories was chosen. A doubled event gives the same name.
-- The ids come in hexadecimal, since they may hold anything.
WITH $short AS short
SELECT $column AS id, argMax(short(attributes[{attribute:String}]), ts_source = 'unknown' ? received_at : ts) AS name
FROM events
WHERE type = {type:String} AND $column IN (SELECT unhex(arrayJoin({ids:Array(String)}))) AND attributes[{attribute:String}] != ''
GROUP BY id

-- name: languages
-- People who did something in the range, by the newest language of their client.
WITH $short AS short
SELECT short(code) AS language, count() AS people
FROM (
    SELECT argMaxIf(language_code, slot, language_code != '') AS code
    FROM activity FINAL
    WHERE user_id != '' AND $own_action
      AND slot >= toDateTime({start:UInt32}, 'UTC') AND slot < toDateTime({end:UInt32}, 'UTC')
    GROUP BY user_id
)
GROUP BY language
ORDER BY people DESC, language
LIMIT {limit:UInt32}

-- name: answer_times
-- How long answers took: exact quantiles need the events themselves, a sum per quarter of an hour cannot give them.
SELECT count(), quantilesExactInclusive(0.5, 0.95)(duration_ms)
FROM events FINAL
WHERE type = 'ai_message' AND error_type = '' AND duration_ms > 0 AND duration_ms <= 86400000
  AND ts >= toDateTime64({start:UInt32}, 9, 'UTC') AND ts < toDateTime64({end:UInt32}, 9, 'UTC')
