-- name: people
-- One row a person over all time, with the total of all that match, from a position in the chosen order onward.
-- Names and the like are the newest that are not empty.
SELECT * FROM (
    SELECT *, $position AS position, count() OVER () AS total FROM (
        SELECT
            a.user_id AS client_id,
            argMaxIf(a.user_name, a.slot, a.user_name != '') AS name,
            argMaxIf(a.username, a.slot, a.username != '') AS username,
            argMaxIf(a.language_code, a.slot, a.language_code != '') AS language_code,
            argMaxIf(a.is_premium, a.slot, a.username != '' OR a.user_name != '') AS is_premium,
            toUnixTimestamp64Milli(min(a.first_ts)) AS first_seen,
            toUnixTimestamp64Milli(max(a.last_ts)) AS last_seen,
            sum(a.messages) AS messages,
            sum(a.answers) AS answers,
            sum(a.pictures) AS pictures,
            sum(a.refreshes) AS refreshes,
            sum(a.clears) AS clears,
            sum(a.commands) AS commands,
            uniqExactArray(a.sessions) AS sessions,
            sumIf(a.stars, isFinite(a.stars)) AS stars,
            sum(a.payments) > 0 AS paid,
            argMaxIf(a.last_block_event, a.slot, a.last_block_event != '') = 'bot_blocked' AS blocked,
            sum(a.failures) AS failures,
            argMaxIf(a.persona_id, a.slot, a.persona_id != '') AS persona_id
        FROM activity AS a FINAL
        WHERE $who
        GROUP BY a.user_id
    )
    WHERE $filter
)
WHERE $after
ORDER BY position $order, client_id $order
LIMIT {limit:UInt32}

-- name: all_languages
-- The languages of all people ever, for the choices of a filter.
SELECT language, count() AS people
FROM (
    SELECT argMaxIf(language_code, slot, language_code != '') AS language
    FROM activity FINAL
    WHERE user_id != ''
    GROUP BY user_id
)
WHERE language != ''
GROUP BY language
ORDER BY people DESC, language
