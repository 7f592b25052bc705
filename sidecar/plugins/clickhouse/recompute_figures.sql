-- Recomputes `figures` of the touched quarters of an hour, those of which nothing is left as well. What no sum may take was left out
-- of `activity`, and so is a sum there that cannot be.
INSERT INTO figures (grain, at, bot, computed_at, $columns)
WITH $touched
SELECT 'slot', slot, bot, now64(6), $columns
FROM (
    SELECT
        slot, bot,
        minIf(a.first_ts, a.events > 0) AS first_ts,
        max(a.last_ts) AS last_ts,
        $sums,
        sum(a.amounts_left_out + $unsound_money) AS amounts_left_out,
        sum(a.tokens_left_out + (a.input_tokens > 1e15) + (a.output_tokens > 1e15)) AS tokens_left_out,
        sumIf(a.stars, abs(a.stars) <= 1e15) AS stars,
        sumIf(a.input_tokens, a.input_tokens <= 1e15) AS input_tokens,
        sumIf(a.output_tokens, a.output_tokens <= 1e15) AS output_tokens,
        sumMap(mapApply((k, v) -> (toString(k), toInt128(v)),
            mapFilter((k, v) -> v BETWEEN -1000000000000000 AND 1000000000000000, a.revenue))) AS revenue,
        sumMap(mapApply((k, v) -> (toString(k), v), mapFilter((k, v) -> abs(v) <= 1e15, a.revenue_units))) AS revenue_units,
        groupBitmapStateIf(number, number > 0 AND is_own) AS people,
        groupBitmapStateIf(number, number > 0 AND a.starts > 0) AS step_start,
        groupBitmapStateIf(number, number > 0 AND a.persona_choices > 0) AS step_persona,
        groupBitmapStateIf(number, number > 0 AND a.story_choices > 0) AS step_story,
        groupBitmapStateIf(number, number > 0 AND a.answers + a.bot_messages > 0) AS step_answer,
        groupBitmapStateIf(number, number > 0 AND a.payments > 0) AS step_paid,
        quantilesBFloat16ArrayState(0.5, 0.95)(a.answer_durations) AS answer_times
    FROM (SELECT *, $own_action AS is_own FROM activity_by_slot FINAL WHERE (slot, bot) IN (SELECT slot, bot FROM touched)) AS a
    LEFT JOIN ($numbers) AS n USING (user_id)
    GROUP BY slot, bot
) AS counted
RIGHT JOIN touched USING (slot, bot)
