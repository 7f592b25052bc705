-- name: filter_fields
-- Of a bot's people: how many have anything in each column that a filter may ask for, in the order of $columns.
SELECT $columns FROM $people AS a

-- name: filter_values
-- The values of a column of `people` with how many people have each, of those whom the rest of a filter lets through.
SELECT hex($column) AS value, count() AS total
FROM $people AS a
WHERE $filter
GROUP BY value
ORDER BY total DESC, value
LIMIT {limit:UInt32}

-- name: filter_names
-- The names of commands or custom events with how many people ever had each.
SELECT hex(key) AS name, groupBitmapMerge(choices.people) AS number
FROM choices FINAL
WHERE $of_bot AND grain = 'day' AND kind = {kind:String}
GROUP BY name
HAVING number > 0
ORDER BY number DESC, name
LIMIT {limit:UInt32}

-- name: filter_properties
-- The names of the properties that the newest of some custom events have.
SELECT DISTINCT arrayJoin(mapKeys(attributes)) AS name
FROM (
    SELECT attributes FROM events
    WHERE $of_bot AND type = 'custom' AND ts >= now() - INTERVAL 30 DAY
        AND custom_name IN (SELECT unhex(arrayJoin({names:Array(String)})))
    LIMIT 1000
)
WHERE startsWith(name, 'chattrail.property.')
ORDER BY name
LIMIT {limit:UInt32}
