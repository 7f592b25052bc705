-- Recomputes `choices` of some quarters of an hour and of their days, as recompute_figures.sql does; a key of which nothing is left
-- stays with a total of 0.
INSERT INTO choices (grain, at, bot, kind, key, computed_at, total, name, people)
SELECT
    place.1, place.2, bot, kind, key, now64(6),
    sumIf(c.total, is_kept),
    maxIf(c.name, is_kept),
    groupBitmapMergeStateIf(c.people, is_kept)
FROM (
    SELECT
        slot AS at, bot, true AS is_kept, [('slot', slot), ('day', toStartOfDay(slot))] AS places,
        toString(each.1) AS kind, each.2 AS key,
        sum(each.3) AS total,
        max(each.4) AS name,
        groupBitmapStateIf(number, number > 0 AND each.3 > 0) AS people
    FROM activity_by_slot AS a FINAL
    LEFT JOIN ($numbers) AS n USING (user_id)
    ARRAY JOIN a.choices AS each
    WHERE slot IN {slots:Array(UInt32)}
    GROUP BY slot, bot, kind, key
    UNION ALL
    SELECT at, bot, at NOT IN {slots:Array(UInt32)},
        if(at IN {slots:Array(UInt32)}, [('slot', at), ('day', toStartOfDay(at))], [('day', toStartOfDay(at))]), toString(kind), key, total, name, people
    FROM choices FINAL
    WHERE grain = 'slot' AND at >= toDateTime({first_day:UInt32}, 'UTC') AND at < toDateTime({end:UInt32}, 'UTC')
      AND toStartOfDay(at) IN {days:Array(UInt32)}
) AS c
ARRAY JOIN places AS place
GROUP BY place, bot, kind, key
