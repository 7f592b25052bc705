-- name: short
-- A piece of the queries below: a text that may be of any length and any bytes, as a name to show.
(t -> toValidUTF8(if(length(t) > 300, concat(substringUTF8(t, 1, 100), '…'), t)))

-- name: within
-- A piece of the queries below: whole days in UTC, and quarters of an hour at both ends of the range.
(grain = 'day' AND at >= toDateTime({days_start:UInt32}, 'UTC') AND at < toDateTime({days_end:UInt32}, 'UTC')
    OR grain = 'slot' AND (at >= toDateTime({start:UInt32}, 'UTC') AND at < toDateTime({days_start:UInt32}, 'UTC')
        OR at >= toDateTime({days_end:UInt32}, 'UTC') AND at < toDateTime({end:UInt32}, 'UTC')))

-- name: extent
-- Whether there are events with a believable time, when their first and newest happened, and how often each thing was ever counted. A
-- bot's clock may run years ahead: that may neither stretch "all time" nor hide an outage. Whole days are read until today, then quarters of
-- an hour; a time outside of its row counts as the row's end. A record without any usable time stands at 1970, and happened when it was
-- received: such ones are in no range and in no figure, and counted here.
WITH
    toInt64(toUnixTimestamp(at)) * 1000 AS began,
    began + if(grain = 'day', 86399999, 899999) AS ended,
    toInt64({now:UInt32}) * 1000 + 899999 AS latest,
    toUnixTimestamp64Milli(first_ts) AS first,
    toUnixTimestamp64Milli(last_ts) AS last,
    events > 0 AND (at != 0 OR first BETWEEN toInt64({earliest:UInt32}) * 1000 AND latest) AS is_believable
SELECT
    countIf(is_believable),
    minIf(at = 0 ? first : greatest(began, least(first, ended)), is_believable),
    maxIf(at = 0 ? least(last, latest) : greatest(began, least(last, ended)), is_believable),
    sumForEachIf(counts, is_believable),
    sumIf(events, at = 0)
FROM figures FINAL
PREWHERE $of_bot AND (
    grain = 'day' AND at >= toDateTime({earliest:UInt32}, 'UTC') AND at < toStartOfDay(toDateTime({now:UInt32}, 'UTC'))
    OR grain = 'slot' AND (at = 0 OR at >= toStartOfDay(toDateTime({now:UInt32}, 'UTC')) AND at <= toDateTime({now:UInt32}, 'UTC')))

-- name: buckets
-- People and the sums that Statistics draw for each bucket. Edges are instants: the zone and its clock changes are already in them. Days in
-- UTC of which only a part lies within a bucket ({parts}) are read as quarters of an hour, the others as one row.
SELECT
    roundDown(toUnixTimestamp(at), {edges:Array(UInt32)}) AS edge,
    $count_people,
    [sum(messages), sum(bot_messages), sum(answers), sum(pictures)], sum(stars)
FROM figures FINAL
PREWHERE $of_bot AND at >= toDateTime({start:UInt32}, 'UTC') AND at < toDateTime({end:UInt32}, 'UTC')
    AND (grain = 'day' AND at NOT IN {parts:Array(UInt32)} OR grain = 'slot' AND toStartOfDay(at) IN {parts:Array(UInt32)})
GROUP BY edge

-- name: new_people
-- People by the bucket in which their first own action ever lies. An event without any time says nothing of when its person came.
SELECT roundDown(toUnixTimestamp(first_own_slot), {edges:Array(UInt32)}) AS edge, count()
FROM $people AS p
WHERE first_own_slot >= toDateTime({start:UInt32}, 'UTC') AND first_own_slot < toDateTime({end:UInt32}, 'UTC')
GROUP BY edge

-- name: people_and_steps
-- People of the whole range, each once, so it is not the sum over buckets; and $steps, those who took each step of a funnel and all before
-- it, in any order within the range.
SELECT $count_people, [$steps]::Array(UInt64)
FROM figures FINAL
PREWHERE $of_bot AND $within

-- name: sums
-- Sums over the whole range. What was paid less what was refunded is by currency: sums in its smallest units, and sums in units of what
-- came without them. One sum of an array of counts takes a fraction of the time that a sum for each takes to be analysed; COUNTS in
-- web/analytics/clickhouse/sums.py has their names.
WITH $short AS short
SELECT
    sumForEach(counts), sum(stars),
    mapFromArrays(arraySlice(mapKeys(sumMap(mapApply((k, v) -> (short(k), v), revenue)) AS minor), 1, {limit:UInt32}),
        arraySlice(mapValues(minor), 1, {limit:UInt32})),
    mapFromArrays(arraySlice(mapKeys(sumMap(mapApply((k, v) -> (short(k), v), revenue_units)) AS units), 1, {limit:UInt32}),
        arraySlice(mapValues(units), 1, {limit:UInt32})),
    quantilesBFloat16ArrayMerge(0.5, 0.95)(answer_times)
FROM figures FINAL
PREWHERE $of_bot AND $within

-- name: answer_times
-- How long answers took, exactly: for ranges with few of them.
SELECT quantilesExactInclusiveArray(0.5, 0.95)(answer_durations)
FROM activity_by_slot FINAL
PREWHERE $of_bot AND slot >= toDateTime({start:UInt32}, 'UTC') AND slot < toDateTime({end:UInt32}, 'UTC')

-- name: answer_times_of_events
-- The same from the events: of a store that this release has just migrated, until the sidecar has recomputed how long answers took.
SELECT quantilesExactInclusive(0.5, 0.95)(duration_ms)
FROM events FINAL
WHERE $of_bot AND type = 'ai_message' AND error_type = '' AND duration_ms > 0 AND duration_ms <= 86400000
  AND ts >= toDateTime64({start:UInt32}, 9, 'UTC') AND ts < toDateTime64({end:UInt32}, 9, 'UTC')

-- name: choices
-- How often each persona and story was written in, each command sent and each custom event happened, and with how many people.
WITH $short AS short
SELECT toString(kind) AS kind, short(key) AS named, groupBitmapMerge(people), sum(choices.total) AS total
FROM choices FINAL
PREWHERE $of_bot AND $within
GROUP BY kind, named
HAVING total > 0
ORDER BY total DESC, named
LIMIT {limit:UInt32} BY kind

-- name: names
-- The newest name under which each of these personas or stories was chosen: behind the 20 digits of its time, so that the newest is the
-- greatest. The ids come in hexadecimal, since they may hold anything.
WITH $short AS short
SELECT toString(kind), key AS id, short(substring(max(name) AS newest, 21)) AS named
FROM choices FINAL
WHERE $of_bot AND grain = 'day' AND kind IN ('personas', 'stories') AND key IN (SELECT unhex(arrayJoin({ids:Array(String)})))
GROUP BY kind, id
HAVING newest != ''

-- name: names_of_events
-- The same from the events, where the sidecar has not recomputed any name yet.
WITH $short AS short
SELECT
    if(type = 'persona_selected', 'personas', 'stories') AS kind, kind = 'personas' ? persona_id : story_id AS id,
    argMax(short(attributes[kind = 'personas' ? 'chattrail.persona.name' : 'chattrail.story.name']) AS named,
        ts_source = 'unknown' ? received_at : ts)
FROM events
WHERE $of_bot AND type IN ('persona_selected', 'story_selected') AND id IN (SELECT unhex(arrayJoin({ids:Array(String)}))) AND named != ''
GROUP BY kind, id

-- name: languages
-- People who did something in the range, by the language of their client.
WITH $short AS short
SELECT short(language_code) AS language, count() AS people
FROM $people AS p
WHERE bitmapContains((SELECT groupBitmapMergeState(people) FROM figures FINAL PREWHERE $of_bot AND $within), number)
GROUP BY language
ORDER BY people DESC, language
LIMIT {limit:UInt32}
