-- name: sources
-- What became of people who came first within a range, by what their first /start carried: one row for each source, the largest
-- first, and one row for all of them. Payloads that begin alike ({beginnings}) are one source, whose name ends with a star.
WITH
    $short AS short,
    newcomers AS (
        SELECT
            arrayFirst(begin -> startsWith(a.source, begin), {beginnings:Array(String)}) AS beginning,
            if(beginning != '', concat(beginning, '*'), short(a.source)) AS named,
            first_own_slot < toDateTime({old_enough_until:UInt32}, 'UTC') AS is_old_enough,
            messages, $stayed AS days, payments, revenue, revenue_units
        FROM $people AS a
        WHERE first_own_slot >= toDateTime({start:UInt32}, 'UTC') AND first_own_slot < toDateTime({end:UInt32}, 'UTC') AND ($who)
    )
SELECT
    grouping(named) = 0 AS is_of_source, named,
    count() AS people, countIf(messages > 0), countIf(is_old_enough), countIf(is_old_enough AND days >= {days:UInt32}),
    countIf(payments > 0),
    mapApply((k, v) -> (short(k), v), sumMap(revenue)), mapApply((k, v) -> (short(k), v), sumMap(revenue_units))
FROM newcomers
GROUP BY GROUPING SETS ((named), ())
ORDER BY is_of_source, people DESC, named
LIMIT {limit:UInt32}
