-- name: page
-- Who is on a page: only what sorting and filtering need is computed for everybody, the rest for the page alone (`people`).
-- $position, $filter and $after are built from aggregates in web/analytics/store/people.py, $key stands in web/analytics/person_key.py.
SELECT hex(key), $place, total FROM (
    SELECT key, position, count() OVER () AS total FROM (
        SELECT $key AS key, $position AS position
        FROM activity AS a FINAL
        WHERE a.user_id != '' AND $of_bot
        GROUP BY a.user_id
        HAVING $filter
    )
)
WHERE $after
ORDER BY position $order, key $order
LIMIT {limit:UInt32}

-- name: people
-- One row for each of these people over all time. Names and the like are the newest that are not empty.
WITH $short AS short
SELECT
    hex(a.user_id),
    short(argMaxIf(a.user_name, a.last_ts, a.user_name != '')),
    short(argMaxIf(a.username, a.last_ts, a.username != '')),
    short(argMaxIf(a.language_code, a.last_ts, a.language_code != '')),
    argMaxIf(a.is_premium, a.last_ts, a.username != '' OR a.user_name != ''),
    toUnixTimestamp64Milli(min(a.first_ts)),
    $last_seen,
    sum(a.messages),
    sum(a.bot_messages),
    sum(a.answers),
    sum(a.pictures),
    sum(a.refreshes),
    sum(a.clears),
    sum(a.commands),
    uniqExactArray(a.sessions),
    sumIf(a.stars, abs(a.stars) <= 1e15),
    argMaxIf(a.last_block_event, a.last_ts, a.last_block_event != '') = 'bot_blocked',
    sum(a.failures),
    short(argMaxIf(a.persona_id, a.last_ts, a.persona_id != '')),
    sum(a.amounts_left_out) + sum($unsound_money),
    sumMap(mapApply((k, v) -> (short(k), toInt128(v)),
        mapFilter((k, v) -> v BETWEEN -1000000000000000 AND 1000000000000000, a.revenue))),
    sumMap(mapApply((k, v) -> (short(k), v), mapFilter((k, v) -> abs(v) <= 1e15, a.revenue_units)))
FROM activity AS a FINAL
WHERE $who AND $of_bot
GROUP BY a.user_id

-- name: all_languages
-- The languages of all people ever, for the choices of a filter.
WITH $short AS short
SELECT short(code) AS language, count() AS people
FROM (
    SELECT argMaxIf(language_code, last_ts, language_code != '') AS code
    FROM activity FINAL
    WHERE user_id != '' AND $of_bot
    GROUP BY user_id
)
WHERE language != ''
GROUP BY language
ORDER BY people DESC, language
LIMIT {limit:UInt32}

-- name: bots_of_person
-- The values of the column `bot` of a person's events, in hexadecimal, since they may hold anything.
SELECT DISTINCT hex(bot) FROM activity WHERE $who
