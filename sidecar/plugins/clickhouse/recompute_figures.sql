-- Recomputes `figures` of some quarters of an hour and of their days, of all bots. A row of which nothing is left gets no counts.
-- The days are the sums of what is computed here and of the other quarters of an hour, as they are in `figures`.
INSERT INTO figures (
    grain, at, bot, computed_at, first_ts, last_ts, counts, stars, revenue, revenue_units,
    people, step_start, step_persona, step_story, step_answer, step_paid, answer_times, usage)
SELECT
    place.1, place.2, bot, now64(6),
    minIf(f.first_ts, is_kept AND f.counts[1] > 0),
    maxIf(f.last_ts, is_kept),
    sumForEachIf(f.counts, is_kept),
    sumIf(f.stars, is_kept),
    sumMapIf(f.revenue, is_kept),
    sumMapIf(f.revenue_units, is_kept),
    groupBitmapMergeStateIf(f.people, is_kept),
    groupBitmapMergeStateIf(f.step_start, is_kept),
    groupBitmapMergeStateIf(f.step_persona, is_kept),
    groupBitmapMergeStateIf(f.step_story, is_kept),
    groupBitmapMergeStateIf(f.step_answer, is_kept),
    groupBitmapMergeStateIf(f.step_paid, is_kept),
    quantilesBFloat16ArrayMergeStateIf(0.5, 0.95)(f.answer_times, is_kept),
    sumMapIf(f.usage, is_kept)
FROM (
    SELECT
        slot AS at, bot, true AS is_kept, [('slot', slot), ('day', toStartOfDay(slot))] AS places,
        minIf(a.first_ts, a.counts[1] > 0) AS first_ts,
        max(a.last_ts) AS last_ts,
        sumForEach(a.counts) AS counts,
        sum(a.stars) AS stars,
        sumMap(a.revenue) AS revenue,
        sumMap(a.revenue_units) AS revenue_units,
        groupBitmapStateIf(number, number > 0 AND bitTest(steps, 0)) AS people,
        groupBitmapStateIf(number, number > 0 AND bitTest(steps, 1)) AS step_start,
        groupBitmapStateIf(number, number > 0 AND bitTest(steps, 2)) AS step_persona,
        groupBitmapStateIf(number, number > 0 AND bitTest(steps, 3)) AS step_story,
        groupBitmapStateIf(number, number > 0 AND bitTest(steps, 4)) AS step_answer,
        groupBitmapStateIf(number, number > 0 AND bitTest(steps, 5)) AS step_paid,
        quantilesBFloat16ArrayState(0.5, 0.95)(a.answer_durations) AS answer_times,
        sumMap(a.usage) AS usage
    FROM activity_by_slot AS a FINAL
    LEFT JOIN ($numbers) AS n USING (user_id)
    WHERE slot IN {slots:Array(UInt32)}
    GROUP BY slot, bot
    UNION ALL
    SELECT
        at, bot, at NOT IN {slots:Array(UInt32)},
        if(at IN {slots:Array(UInt32)}, [('slot', at), ('day', toStartOfDay(at))], [('day', toStartOfDay(at))]),
        first_ts, last_ts, counts, stars, revenue, revenue_units,
        people, step_start, step_persona, step_story, step_answer, step_paid, answer_times, usage
    FROM figures FINAL
    WHERE grain = 'slot' AND at >= toDateTime({first_day:UInt32}, 'UTC') AND at < toDateTime({end:UInt32}, 'UTC')
      AND toStartOfDay(at) IN {days:Array(UInt32)}
) AS f
ARRAY JOIN places AS place
GROUP BY place, bot
