-- Recomputes `people` of $people, from their rows of `activity`. Names and the like are the newest that are not
-- empty. Nothing can have happened before Telegram's first year, so a time before it says nothing of when somebody came.
INSERT INTO people (
    of_all, bot, user_id, number, computed_at, events, first_ts, last_ts, last_own_ts, first_own_slot, user_name, username,
    language_code, is_premium, persona_id, story_id, last_block_event, messages, bot_messages, answers, pictures, refreshes, clears,
    commands, sessions, payments, failures, amounts_left_out, stars, revenue, revenue_units, custom_counts,
    source, first_persona, first_event, plan, model, usage)
SELECT
    grouping(bot) = 1 AS of_all, bot, user_id,
    any(number),
    now64(6),
    sum(a.events),
    minIf(a.first_ts, a.events > 0),
    max(a.last_ts),
    max(a.last_own_ts),
    minIf(a.slot, is_own AND a.slot >= toDateTime(1356998400, 'UTC')),
    argMaxIf(a.user_name, a.last_ts, a.user_name != ''),
    argMaxIf(a.username, a.last_ts, a.username != ''),
    argMaxIf(a.language_code, a.last_ts, a.language_code != ''),
    argMaxIf(a.is_premium, a.last_ts, a.username != '' OR a.user_name != ''),
    argMaxIf(a.persona_id, a.last_ts, a.persona_id != ''),
    argMaxIf(a.story_id, a.last_ts, a.story_id != ''),
    argMaxIf(a.last_block_event, a.last_ts, a.last_block_event != ''),
    sum(a.messages), sum(a.bot_messages), sum(a.answers), sum(a.pictures), sum(a.refreshes), sum(a.clears), sum(a.commands),
    uniqExactArray(a.sessions),
    sum(a.payments), sum(a.failures),
    sum(a.amounts_left_out + ((NOT abs(a.stars) <= 1e15)
    + arrayCount(v -> NOT v BETWEEN -1000000000000000 AND 1000000000000000, mapValues(a.revenue))
    + arrayCount(v -> NOT abs(v) <= 1e15, mapValues(a.revenue_units)))),
    sumIf(a.stars, abs(a.stars) <= 1e15),
    sumMap(mapApply((k, v) -> (toString(k), toInt128(v)),
        mapFilter((k, v) -> v BETWEEN -1000000000000000 AND 1000000000000000, a.revenue))),
    sumMap(mapApply((k, v) -> (toString(k), v), mapFilter((k, v) -> abs(v) <= 1e15, a.revenue_units))),
    sumMap(mapApply((k, v) -> (toString(k), toUInt64(v)), a.custom_counts)),
    substring(minIf(a.first_start, a.first_start != ''), 21),
    substring(minIf(a.first_persona, a.first_persona != ''), 21),
    substring(minIf(a.first_event, a.first_event != ''), 21),
    substring(max(a.last_plan), 21),
    substring(max(a.last_model), 21),
    sumMap(mapApply((k, v) -> (toString(k), v), a.usage))
FROM (SELECT *, (messages + commands + persona_choices + story_choices + refreshes + clears + continues + payments + other_actions > 0) AS is_own FROM activity FINAL WHERE user_id IN $people) AS a
LEFT JOIN (SELECT user_id, number FROM person_numbers FINAL WHERE user_id IN $people) AS n USING (user_id)
GROUP BY GROUPING SETS ((user_id), (user_id, bot))
