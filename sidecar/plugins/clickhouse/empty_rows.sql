-- An empty row in place of each one from before there were bots in `activity`, in the same insert as the rows of its bots, so that no
-- sum ever holds both or neither. A part of its own, because ClickHouse takes as long again to analyse it.
)
SELECT * REPLACE (now64(6) AS computed_at, if(events = 0, toDateTime64('2299-12-31 00:00:00', 3, 'UTC'), toDateTime64(first_ts, 3, 'UTC')) AS first_ts)
FROM counted
FULL JOIN (SELECT user_id, slot, bot FROM $marked WHERE bot = '') AS before USING (user_id, slot, bot)
