-- name: own_action
-- A piece of the queries below: whether a person did something themselves in a row of `activity`.
messages + commands + persona_choices + story_choices + refreshes + clears + continues + payments + other_actions > 0

-- name: short
-- A piece of the queries below: a text that may be of any length and any bytes, as a name to show.
(t -> toValidUTF8(if(length(t) > 300, concat(substringUTF8(t, 1, 100), '…'), t)))

-- name: unsound_money
-- A piece of the queries below: how many of a row's sums of money cannot be.
(NOT abs(stars) <= 1e15)
    + arrayCount(v -> NOT v BETWEEN -1000000000000000 AND 1000000000000000, mapValues(revenue))
    + arrayCount(v -> NOT abs(v) <= 1e15, mapValues(revenue_units))

-- name: extent
-- How many rows there are with a believable time, and when their first and newest event happened. A bot's clock may run years
-- ahead: that may neither stretch "all time" nor hide an outage. Only the quarter of an hour is checked, so a time beside it
-- counts as its end. A record without any usable time stands at 1970, and happened when it was received. The last column says
-- which steps of the usual funnel were ever taken.
SELECT
    count() AS rows,
    min(slot = 0 ? received_first : at) AS first,
    max(slot = 0 ? least(toUnixTimestamp64Milli(last_ts), latest) : greatest(at, least(toUnixTimestamp64Milli(last_ts), at + 899999))) AS newest,
    [max(starts) > 0, max(persona_choices) > 0, max(story_choices) > 0, max(greatest(answers, bot_messages)) > 0, max(payments) > 0]
FROM (
    SELECT
        slot, last_ts, starts, persona_choices, story_choices, answers, bot_messages, payments,
        toInt64(toUnixTimestamp(slot)) * 1000 AS at,
        toUnixTimestamp64Milli(first_ts) AS received_first,
        toInt64({now:UInt32}) * 1000 + 899999 AS latest
    FROM activity
    WHERE $of_bot AND (slot >= toDateTime({earliest:UInt32}, 'UTC') AND slot <= toDateTime({now:UInt32}, 'UTC')
        OR slot = 0 AND received_first BETWEEN toInt64({earliest:UInt32}) * 1000 AND latest)
)

-- name: buckets
-- The headline figures for each bucket. Edges are instants: the zone and its clock changes are already in them.
SELECT
    roundDown(toUnixTimestamp(slot), {edges:Array(UInt32)}) AS edge,
    uniqExactIf(user_id, user_id != '' AND $own_action) AS people,
    sum(messages), sum(bot_messages), sum(answers), sum(pictures), sumIf(stars, abs(stars) <= 1e15)
FROM activity FINAL
WHERE $of_bot AND slot >= toDateTime({start:UInt32}, 'UTC') AND slot < toDateTime({end:UInt32}, 'UTC')
GROUP BY edge

-- name: new_people
-- People by the bucket in which their first own action ever lies; hence all rows are looked at, not only the range's. An
-- event without any time lies in 1970 and says nothing of when its person came.
SELECT roundDown(first, {edges:Array(UInt32)}) AS edge, count() AS people
FROM (
    SELECT min(toUnixTimestamp(slot)) AS first
    FROM activity FINAL
    WHERE user_id != '' AND $of_bot AND slot >= toDateTime({earliest:UInt32}, 'UTC') AND $own_action
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
    sum(bot_messages), sum(own_edits), sum(bot_edits), sum(deletions), sum(reactions), sum(votes),
    sum(offers), sum(invoices), sum(payments), sum(first_payments), sum(renewals), sum(refunds), sum(refusals), sum(cancellations),
    sumIf(stars, abs(stars) <= 1e15),
    sum(blocks), sum(unblocks), sum(failures),
    sum(amounts_left_out) + sum($unsound_money),
    sum(durations_left_out),
    sum(tokens_left_out) + countIf(input_tokens > 1e15) + countIf(output_tokens > 1e15)
FROM activity FINAL
WHERE $of_bot AND slot >= toDateTime({start:UInt32}, 'UTC') AND slot < toDateTime({end:UInt32}, 'UTC')

-- name: untimed
-- Events without any time, ever: they stand at 1970, so they are in no range and in no figure.
SELECT sum(events) FROM activity FINAL WHERE $of_bot AND slot = toDateTime(0, 'UTC')

-- name: revenue
-- What was paid less what was refunded, by currency: sums in its smallest units, and sums in units of what came without them.
WITH $short AS short
SELECT short(each.1) AS money, sum(each.2), sum(each.3)
FROM (
    SELECT arrayJoin(arrayConcat(
        arrayMap((k, v) -> (k, toInt128(v), 0.), mapKeys(revenue), mapValues(revenue)),
        arrayMap((k, v) -> (k, toInt128(0), v), mapKeys(revenue_units), mapValues(revenue_units)))) AS each
    FROM activity FINAL
    WHERE $of_bot AND slot >= toDateTime({start:UInt32}, 'UTC') AND slot < toDateTime({end:UInt32}, 'UTC')
)
WHERE each.2 BETWEEN -1000000000000000 AND 1000000000000000 AND abs(each.3) <= 1e15
GROUP BY money
ORDER BY money
LIMIT {limit:UInt32}

-- name: funnel
-- How many people took which steps of a funnel, in any order within the range; $steps are conditions on their sums.
SELECT took, count()
FROM (
    SELECT [$steps] AS took
    FROM activity FINAL
    WHERE user_id != '' AND $of_bot AND slot >= toDateTime({start:UInt32}, 'UTC') AND slot < toDateTime({end:UInt32}, 'UTC')
    GROUP BY user_id
)
GROUP BY took

-- name: by_key
-- The counts of one of the map columns (personas, stories, command_counts, custom_counts) by key.
WITH $short AS short
SELECT short(named) AS key, uniqExactIf(user_id, user_id != '') AS people, sum(number) AS total
FROM activity FINAL
ARRAY JOIN mapKeys($map) AS named, mapValues($map) AS number
WHERE $of_bot AND slot >= toDateTime({start:UInt32}, 'UTC') AND slot < toDateTime({end:UInt32}, 'UTC')
GROUP BY key
ORDER BY total DESC, key
LIMIT {limit:UInt32}

-- name: names
-- The newest name under which each of these personas or stories was chosen. A doubled event gives the same name.
-- The ids come in hexadecimal, since they may hold anything.
WITH $short AS short
SELECT $column AS id, argMax(short(attributes[{attribute:String}]), ts_source = 'unknown' ? received_at : ts) AS name
FROM events
WHERE $of_bot AND type = {type:String} AND $column IN (SELECT unhex(arrayJoin({ids:Array(String)}))) AND attributes[{attribute:String}] != ''
GROUP BY id

-- name: languages
-- People who did something in the range, by the newest language of their client.
WITH $short AS short
SELECT short(code) AS language, count() AS people
FROM (
    SELECT argMaxIf(language_code, slot, language_code != '') AS code
    FROM activity FINAL
    WHERE user_id != '' AND $of_bot AND $own_action
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
WHERE $of_bot AND type = 'ai_message' AND error_type = '' AND duration_ms > 0 AND duration_ms <= 86400000
  AND ts >= toDateTime64({start:UInt32}, 9, 'UTC') AND ts < toDateTime64({end:UInt32}, 9, 'UTC')
