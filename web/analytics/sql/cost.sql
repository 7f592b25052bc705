-- name: used
-- What models did and what was paid, from one edge to the next; edges are those of buckets and the midnights at which a price changes. Last
-- of all, what the models that are not in the price table did in the whole range, the most first, and how many such sums there are.
-- $rows has a row for each quarter of an hour or day that counts.
WITH
    $short AS short,
    arrayMap(m -> unhex(m), {models:Array(String)}) AS priced,
    (k -> substring(k, position(k, ':') + 1)) AS model,
    -- an earlier release, or a person with a client of ClickHouse's, may have left other keys
    (k -> substringIndex(k, ':', 1) IN ('input', 'output', 'pictures') AND position(k, ':') > 0) AS is_known
SELECT
    roundDown(toUnixTimestamp(at), {edges:Array(UInt32)}) AS edge,
    sumMap(mapFilter((k, v) -> is_known(k) AND has(priced, model(k)), usage)) AS used,
    mapFromArrays(arraySlice(mapKeys(sumMap(mapApply((k, v) -> (short(k), v), revenue)) AS minor), 1, {limit:UInt32}),
        arraySlice(mapValues(minor), 1, {limit:UInt32})),
    mapFromArrays(arraySlice(mapKeys(sumMap(mapApply((k, v) -> (short(k), v), revenue_units)) AS units), 1, {limit:UInt32}),
        arraySlice(mapValues(units), 1, {limit:UInt32})),
    sumMapIf(mapFilter((k, v) -> is_known(k) AND NOT has(priced, model(k)), usage), at >= toDateTime({since:UInt32}, 'UTC')) AS unpriced,
    if(grouping(edge) = 0, [], arrayMap(one -> (substringIndex(one.1, ':', 1), short(model(one.1)), one.2),
        arraySlice(arrayReverseSort(one -> one.2, arrayZip(mapKeys(unpriced), mapValues(unpriced))), 1, {models_max:UInt32}))),
    length(mapKeys(unpriced))
FROM ($rows)
GROUP BY edge WITH ROLLUP
ORDER BY grouping(edge)

-- name: used_by_everybody
-- A piece of `used`, as `buckets` (figures.sql) reads it.
SELECT at, usage, revenue, revenue_units
FROM figures FINAL
PREWHERE $of_bot AND at >= toDateTime({start:UInt32}, 'UTC') AND at < toDateTime({end:UInt32}, 'UTC')
    AND (grain = 'day' AND at NOT IN {parts:Array(UInt32)} OR grain = 'slot' AND toStartOfDay(at) IN {parts:Array(UInt32)})

-- name: used_by_part
-- A piece of `used`: what a part of the people did, with the numbers left out that no sum may take.
SELECT
    slot AS at, mapApply((k, v) -> (toString(k), v), a.usage) AS usage,
    mapApply((k, v) -> (toString(k), toInt128(v)),
        mapFilter((k, v) -> v BETWEEN -1000000000000000 AND 1000000000000000, a.revenue)) AS revenue,
    mapApply((k, v) -> (toString(k), v), mapFilter((k, v) -> abs(v) <= 1e15, a.revenue_units)) AS revenue_units
FROM activity AS a FINAL
PREWHERE $of_bot AND slot >= toDateTime({start:UInt32}, 'UTC') AND slot < toDateTime({end:UInt32}, 'UTC')
    AND user_id IN (SELECT user_id FROM $people)

-- name: used_by_people
-- The same of some people each, over all time: what their priced models did and what they paid, between the midnights at which something
-- changes, and whether other models did anything for them.
WITH
    $short AS short,
    arrayMap(m -> unhex(m), {models:Array(String)}) AS priced,
    (k -> substring(k, position(k, ':') + 1)) AS model
SELECT
    hex(user_id), roundDown(toUnixTimestamp(slot), {edges:Array(UInt32)}) AS edge,
    sumMap(mapApply((k, v) -> (toString(k), v), mapFilter((k, v) -> has(priced, model(toString(k))), a.usage))),
    sumMap(mapApply((k, v) -> (short(toString(k)), toInt128(v)),
        mapFilter((k, v) -> v BETWEEN -1000000000000000 AND 1000000000000000, a.revenue))),
    sumMap(mapApply((k, v) -> (short(toString(k)), v), mapFilter((k, v) -> abs(v) <= 1e15, a.revenue_units))),
    max(arrayExists(k -> NOT has(priced, model(toString(k))), mapKeys(a.usage)))
FROM activity AS a FINAL
WHERE $of_bot AND $who
GROUP BY user_id, edge
