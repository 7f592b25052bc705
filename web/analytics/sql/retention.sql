-- name: first_came
-- When the first of these people came, as seconds since 1970; 0 for nobody.
SELECT toUnixTimestamp(minIf(first_own_slot, first_own_slot > 0)) FROM $people AS a WHERE $who

-- name: retention
-- Of the people of each cohort, how many did something themselves in their first period and in each later one. A cohort is the
-- first period and a value ($value), of which the most frequent ones have rows of their own. Edges are instants: the zone and its
-- clock changes are already in them. Whole days in UTC are read as days, quarters of an hour where an edge lies within the day.
WITH
    $short AS short,
    active AS (
        SELECT roundDown(toUnixTimestamp(at), {edges:Array(UInt32)}) AS edge, groupBitmapMergeState(people) AS them
        FROM figures FINAL
        WHERE $of_bot AND at >= toDateTime({start:UInt32}, 'UTC') AND at < toDateTime({end:UInt32}, 'UTC')
          AND (grain = 'day' AND at NOT IN {cut_days:Array(UInt32)} OR grain = 'slot' AND toStartOfDay(at) IN {cut_days:Array(UInt32)})
        GROUP BY edge
    ),
    newcomers AS (
        SELECT short(toString($value)) AS value, first_own_slot, number
        FROM $people AS a
        WHERE first_own_slot >= toDateTime({start:UInt32}, 'UTC') AND first_own_slot < toDateTime({cohorts_end:UInt32}, 'UTC')
          AND ($who)
    ),
    cohorts AS (
        SELECT
            value IN (SELECT value FROM newcomers GROUP BY value ORDER BY count() DESC, value LIMIT {limit:UInt32}) AS is_named,
            if(is_named, value, '') AS named,
            roundDown(toUnixTimestamp(first_own_slot), {edges:Array(UInt32)}) AS edge,
            count() AS people, groupBitmapStateIf(number, number > 0) AS them
        FROM newcomers
        GROUP BY is_named, named, edge
    )
SELECT is_named, named, cohorts.edge, any(cohorts.people), groupArray((active.edge, bitmapAndCardinality(cohorts.them, active.them)))
FROM cohorts CROSS JOIN active
WHERE active.edge > cohorts.edge OR active.edge = cohorts.edge
GROUP BY is_named, named, cohorts.edge
