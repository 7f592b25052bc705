-- Recomputes `choices` of the touched quarters of an hour; a key of which nothing is left stays with a total of 0.
INSERT INTO choices (grain, at, bot, kind, key, computed_at, total, name, people)
WITH $touched
SELECT 'slot', slot, bot, kind, key, now64(6), sum(count) AS total, max(name),
    groupBitmapStateIf(number, number > 0 AND count > 0) AS people
FROM (
    SELECT slot, bot, each.1 AS kind, each.2 AS key, each.3 AS count, each.4 AS name, number
    FROM (
        SELECT slot, bot, user_id, arrayJoin(arrayConcat(
            arrayMap((k, v) -> ('personas', toString(k), v, ''), mapKeys(personas), mapValues(personas)),
            arrayMap((k, v) -> ('stories', toString(k), v, ''), mapKeys(stories), mapValues(stories)),
            arrayMap((k, v) -> ('command_counts', toString(k), v, ''), mapKeys(command_counts), mapValues(command_counts)),
            arrayMap((k, v) -> ('custom_counts', toString(k), v, ''), mapKeys(custom_counts), mapValues(custom_counts)),
            arrayMap((k, v) -> ('personas', toString(k), toUInt32(0), v), mapKeys(persona_names), mapValues(persona_names)),
            arrayMap((k, v) -> ('stories', toString(k), toUInt32(0), v), mapKeys(story_names), mapValues(story_names)))) AS each
        FROM activity_by_slot FINAL
        WHERE (slot, bot) IN (SELECT slot, bot FROM touched)
    ) AS a
    LEFT JOIN ($numbers) AS n USING (user_id)
    UNION ALL
    SELECT at, bot, toString(kind), key, 0, '', 0 FROM choices
    WHERE grain = 'slot' AND (at, bot) IN (SELECT slot, bot FROM touched)
)
GROUP BY slot, bot, kind, key;

-- And of their days.
INSERT INTO choices (grain, at, bot, kind, key, computed_at, total, name, people)
WITH $touched
SELECT 'day', toStartOfDay(c.at) AS day, bot, kind, key, now64(6), sum(c.total) AS total, max(c.name),
    groupBitmapMergeState(c.people) AS people
FROM choices AS c FINAL
WHERE grain = 'slot' AND at >= (SELECT toStartOfDay(min(slot)) FROM touched)
  AND at < (SELECT toStartOfDay(max(slot)) + 86400 FROM touched)
  AND (toStartOfDay(at), bot) IN (SELECT toStartOfDay(slot), bot FROM touched)
GROUP BY day, bot, kind, key
