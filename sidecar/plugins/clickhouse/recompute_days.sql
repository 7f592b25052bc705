-- Recomputes `figures` of the days of the touched quarters of an hour.
INSERT INTO figures (grain, at, bot, computed_at, $columns)
WITH $touched
SELECT
    'day', toStartOfDay(f.at) AS day, bot, now64(6),
    minIf(f.first_ts, f.events > 0) AS first_ts,
    max(f.last_ts) AS last_ts,
    $sums,
    sum(f.amounts_left_out) AS amounts_left_out,
    sum(f.tokens_left_out) AS tokens_left_out,
    sum(f.stars) AS stars,
    sum(f.input_tokens) AS input_tokens,
    sum(f.output_tokens) AS output_tokens,
    sumMap(f.revenue) AS revenue,
    sumMap(f.revenue_units) AS revenue_units,
    groupBitmapMergeState(f.people) AS people,
    groupBitmapMergeState(f.step_start) AS step_start,
    groupBitmapMergeState(f.step_persona) AS step_persona,
    groupBitmapMergeState(f.step_story) AS step_story,
    groupBitmapMergeState(f.step_answer) AS step_answer,
    groupBitmapMergeState(f.step_paid) AS step_paid,
    quantilesBFloat16ArrayMergeState(0.5, 0.95)(f.answer_times) AS answer_times
FROM figures AS f FINAL
WHERE grain = 'slot' AND at >= (SELECT toStartOfDay(min(slot)) FROM touched)
  AND at < (SELECT toStartOfDay(max(slot)) + 86400 FROM touched)
  AND (toStartOfDay(at), bot) IN (SELECT toStartOfDay(slot), bot FROM touched)
GROUP BY day, bot
