-- name: part
-- A part of the people as a set of their numbers, in hexadecimal: the condition is decided once, and everything else is asked of the set.
SELECT hex(toString(groupBitmapState(number))) FROM $people AS a WHERE number > 0 AND ($who)

-- name: sums_of_part
-- The sums of `buckets` and `sums` (figures.sql) of a part of the people for each bucket, from what each of them did, and last of all how
-- long answers took, exactly. The row of the edge 0 has what happened at no believable time. $counts are in the order of COUNTS in
-- web/analytics/clickhouse/sums.py.
WITH
    $short AS short,
    payments + refunds > 0 AS has_money
SELECT
    if(slot = 0, 0, roundDown(toUnixTimestamp(slot), {edges:Array(UInt32)})) AS edge,
    [$counts]::Array(UInt64), sumIf(stars, abs(stars) <= 1e15),
    mapFromArrays(arraySlice(mapKeys(sumMapIf(mapApply((k, v) -> (short(toString(k)), toInt128(v)),
            mapFilter((k, v) -> v BETWEEN -1000000000000000 AND 1000000000000000, revenue)), has_money) AS minor), 1, {limit:UInt32}),
        arraySlice(mapValues(minor), 1, {limit:UInt32})),
    mapFromArrays(arraySlice(mapKeys(sumMapIf(mapApply((k, v) -> (short(toString(k)), v),
            mapFilter((k, v) -> abs(v) <= 1e15, revenue_units)), has_money) AS units), 1, {limit:UInt32}),
        arraySlice(mapValues(units), 1, {limit:UInt32})),
    quantilesExactInclusiveArray(0.5, 0.95)(answer_durations)
FROM activity FINAL
PREWHERE $of_bot AND (slot = 0 OR slot >= toDateTime({start:UInt32}, 'UTC') AND slot < toDateTime({end:UInt32}, 'UTC'))
    AND user_id IN (SELECT user_id FROM $people)
GROUP BY edge WITH ROLLUP
ORDER BY grouping(edge)

-- name: headline_of_part
-- What is compared with the stretch before a range: the sums that `buckets` has.
SELECT [sum(messages), sum(bot_messages), sum(answers), sum(pictures)], sumIf(stars, abs(stars) <= 1e15)
FROM activity FINAL
PREWHERE $of_bot AND slot >= toDateTime({before:UInt32}, 'UTC') AND slot < toDateTime({start:UInt32}, 'UTC')
    AND user_id IN (SELECT user_id FROM $people)

-- name: choices_of_part
-- What a part of the people chose, of `choices`: how often from what each of them did, and with how many from the sets.
WITH $short AS short
SELECT kind, named, people, total
FROM (
    SELECT toString(kind) AS kind, short(key) AS named, sum(times) AS total
    FROM (
        SELECT kind, key, sum(one) AS times
        FROM activity_by_slot FINAL
        ARRAY JOIN choices.kind AS kind, choices.key AS key, choices.total AS one
        PREWHERE $of_bot AND slot >= toDateTime({start:UInt32}, 'UTC') AND slot < toDateTime({end:UInt32}, 'UTC')
            AND user_id IN (SELECT user_id FROM $people)
        GROUP BY kind, key
    )
    GROUP BY kind, named
    HAVING total > 0
    ORDER BY total DESC, named
    LIMIT {limit:UInt32} BY kind
) AS how_often
JOIN (
    SELECT toString(kind) AS kind, short(key) AS named, $count_people AS people
    FROM choices FINAL
    PREWHERE $of_bot AND $within
    GROUP BY kind, named
) AS with_whom USING (kind, named)
ORDER BY total DESC, named
