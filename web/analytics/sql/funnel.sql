-- name: funnel
-- People who took steps in order, by a value that they share ($value; the most frequent ones) and by all. `matched` are the events
-- that are a step ($bits: one bit for each), `taken` a person's in order of time, then of the number that the bot gave it. $levels
-- follow the latest start through the steps, web/analytics/clickhouse/ordered_funnel.py says how; $people_only narrows the people.
WITH
    $short AS short,
    matched AS (
        SELECT user_id, toUnixTimestamp64Nano(ts) AS at, sequence, $bits AS bits, $id AS id
        FROM events
        WHERE $of_bot AND ts >= toDateTime64({start:UInt32}, 9, 'UTC') AND ts < toDateTime64({end:UInt32}, 9, 'UTC')
          AND type IN {types:Array(String)} AND user_id != '' AND bits > 0 AND $people_only
    ),
    taken AS (
        SELECT user_id, arrayCompact(arraySort(groupArray((at, sequence, id, bits)))) AS steps
        FROM matched
        GROUP BY user_id
        HAVING countIf(bitTest(bits, 0)) > 0
    ),
    chains AS (
        SELECT
            user_id, arrayMap(step -> step.1, steps) AS at, arrayMap(step -> step.4, steps) AS bits, {within:Int64} AS within,
            $levels
        FROM taken
    ),
    valued AS (SELECT a.user_id AS user_id, short(toString($value)) AS value FROM $people AS a),
    frequent AS (SELECT value FROM valued GROUP BY value ORDER BY count() DESC, value LIMIT {limit:UInt32})
SELECT
    grouping(is_named, named) = 0 AS is_of_value, valued.value IN frequent AS is_named, if(is_named, valued.value, '') AS named,
    $counts
FROM chains LEFT JOIN valued USING (user_id)
GROUP BY GROUPING SETS ((), (is_named, named))

-- name: only_people
-- A piece of the query above: events of some people.
user_id IN (SELECT a.user_id FROM $people AS a WHERE $who)

-- name: offered_counts
-- What happened in a range, for the steps that any bot may have; the names of the counts are those of `totals`.
SELECT sumForEach(counts) FROM figures FINAL WHERE $of_bot AND $within

-- name: offered_names
-- Commands and custom events of a range, the most people first.
SELECT toString(kind) AS kind, key, groupBitmapMerge(people) AS users, sum(choices.total) AS total
FROM choices FINAL
WHERE $of_bot AND $within AND kind IN ('command_counts', 'custom_counts')
GROUP BY kind, key
HAVING total > 0
ORDER BY users DESC, key
LIMIT {limit:UInt32}
