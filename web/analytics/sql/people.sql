-- name: people_of_bot
-- A piece of the queries below: the people of one bot.
SELECT * FROM people FINAL WHERE NOT of_all AND $of_bot AND events > 0

-- name: people_of_bots
-- A piece of the queries below, like `people`, where several values of the column `bot` stand for one bot.
SELECT
    user_id, any(p.number) AS number, sum(p.events) AS events, min(p.first_ts) AS first_ts, max(p.last_ts) AS last_ts,
    max(p.last_own_ts) AS last_own_ts, minIf(p.first_own_slot, p.first_own_slot > 0) AS first_own_slot,
    argMaxIf(p.user_name, p.last_ts, p.user_name != '') AS user_name,
    argMaxIf(p.username, p.last_ts, p.username != '') AS username,
    argMaxIf(p.language_code, p.last_ts, p.language_code != '') AS language_code,
    argMaxIf(p.is_premium, p.last_ts, p.username != '' OR p.user_name != '') AS is_premium,
    argMaxIf(p.persona_id, p.last_ts, p.persona_id != '') AS persona_id,
    argMaxIf(p.last_block_event, p.last_ts, p.last_block_event != '') AS last_block_event,
    sum(p.messages) AS messages, sum(p.bot_messages) AS bot_messages, sum(p.answers) AS answers, sum(p.pictures) AS pictures,
    sum(p.refreshes) AS refreshes, sum(p.clears) AS clears, sum(p.commands) AS commands, sum(p.sessions) AS sessions,
    sum(p.payments) AS payments, sum(p.failures) AS failures, sum(p.amounts_left_out) AS amounts_left_out, sum(p.stars) AS stars,
    sumMap(p.revenue) AS revenue, sumMap(p.revenue_units) AS revenue_units, sumMap(p.custom_counts) AS custom_counts,
    argMaxIf(p.story_id, p.last_ts, p.story_id != '') AS story_id,
    argMinIf(p.source, p.first_ts, p.source != '') AS source,
    argMinIf(p.first_persona, p.first_ts, p.first_persona != '') AS first_persona,
    argMinIf(p.first_event, p.first_ts, p.first_event != '') AS first_event,
    argMaxIf(p.plan, p.last_ts, p.plan != '') AS plan, argMaxIf(p.model, p.last_ts, p.model != '') AS model, sumMap(p.usage) AS usage
FROM people AS p FINAL
WHERE NOT of_all AND $of_bot
GROUP BY user_id

-- name: page
-- Who is on a page: only what sorting and filtering need is read of everybody, the rest of the page alone (`details`).
-- $position, $filter and $after are built in web/analytics/clickhouse/people.py, $key stands in web/analytics/person_key.py.
SELECT hex(key), $place, total FROM (
    SELECT $key AS key, $position AS position, count() OVER () AS total
    FROM $people AS a
    WHERE $filter
)
WHERE $after
ORDER BY position $order, key $order
LIMIT {limit:UInt32}

-- name: person_columns
-- A piece of the queries below: what is shown of a person.
    hex(user_id), short(user_name), short(username), short(language_code), is_premium,
    toUnixTimestamp64Milli(first_ts), $last_seen,
    messages, bot_messages, answers, pictures, refreshes, clears, commands, sessions, stars,
    last_block_event = 'bot_blocked', failures, short(persona_id), amounts_left_out,
    mapApply((k, v) -> (short(k), v), revenue), mapApply((k, v) -> (short(k), v), revenue_units),
    short(source), short(plan), short(model)

-- name: details
-- One row for each of these people over all time.
WITH $short AS short
SELECT $columns
FROM $people AS a
WHERE $who

-- name: people_after
-- The next of all who match, in the order of their ids. The last of them is found first, so that all else is read of these alone.
WITH $short AS short, (
    SELECT max(id) FROM (
        SELECT a.user_id AS id FROM $people AS a
        WHERE ($filter) AND a.user_id > unhex({after:String})
        ORDER BY id
        LIMIT {limit:UInt32}
    )
) AS last_id
SELECT $columns
FROM $people AS a
WHERE ($filter) AND a.user_id > unhex({after:String}) AND a.user_id <= last_id
ORDER BY a.user_id

-- name: all_languages
-- The languages of all people ever, for the choices of a filter.
WITH $short AS short
SELECT short(language_code) AS language, count() AS people
FROM $people AS p
WHERE language != ''
GROUP BY language
ORDER BY people DESC, language
LIMIT {limit:UInt32}

-- name: bots_of_person
-- The values of the column `bot` of a person's events, in hexadecimal, since they may hold anything.
SELECT DISTINCT hex(bot) FROM activity WHERE $who
