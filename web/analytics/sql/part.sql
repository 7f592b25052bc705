-- name: part
-- A part of the people as a set of their numbers, in hexadecimal: the condition is decided once, and everything else is asked of the set.
SELECT hex(toString(groupBitmapState(number))) FROM $people AS a WHERE number > 0 AND ($who)

-- name: sums_of_part
-- The sums of `buckets` and `sums` (figures.sql) of a part of the people for each bucket, from what each of them did. The row of the edge
-- 0 has what happened at no believable time. $counts are in the order of COUNTS in web/analytics/clickhouse/sums.py.
WITH $short AS short
SELECT
    if(slot = 0, 0, roundDown(toUnixTimestamp(slot), {edges:Array(UInt32)})) AS edge,
    [$counts]::Array(UInt64), sumIf(stars, abs(stars) <= 1e15),
    mapFromArrays(arraySlice(mapKeys(sumMap(mapApply((k, v) -> (short(toString(k)), toInt128(v)),
            mapFilter((k, v) -> v BETWEEN -1000000000000000 AND 1000000000000000, revenue))) AS minor), 1, {limit:UInt32}),
        arraySlice(mapValues(minor), 1, {limit:UInt32})),
    mapFromArrays(arraySlice(mapKeys(sumMap(mapApply((k, v) -> (short(toString(k)), v),
            mapFilter((k, v) -> abs(v) <= 1e15, revenue_units))) AS units), 1, {limit:UInt32}),
        arraySlice(mapValues(units), 1, {limit:UInt32}))
FROM activity FINAL
PREWHERE $of_bot AND (slot = 0 OR slot >= toDateTime({start:UInt32}, 'UTC') AND slot < toDateTime({end:UInt32}, 'UTC'))
    AND user_id IN (SELECT user_id FROM $people)
GROUP BY edge

-- name: answer_times_of_part
-- How long answers to a part of the people took, exactly.
SELECT quantilesExactInclusiveArray(0.5, 0.95)(answer_durations)
FROM activity FINAL
PREWHERE $of_bot AND slot >= toDateTime({start:UInt32}, 'UTC') AND slot < toDateTime({end:UInt32}, 'UTC')
    AND user_id IN (SELECT user_id FROM $people)

-- name: choices_of_part
-- `choices` of a part of the people: how often from what each of them did, and with how many from the sets.
WITH $short AS short
SELECT kind, named, people, total
FROM (
    SELECT toString(each.1) AS kind, short(each.2) AS named, sum(each.3) AS total
    FROM activity_by_slot FINAL
    ARRAY JOIN activity_by_slot.choices AS each
    PREWHERE $of_bot AND slot >= toDateTime({start:UInt32}, 'UTC') AND slot < toDateTime({end:UInt32}, 'UTC')
        AND user_id IN (SELECT user_id FROM $people)
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
