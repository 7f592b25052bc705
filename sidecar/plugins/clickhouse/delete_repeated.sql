-- Deletes the copies that find_repeated.sql found. The marks come first: whatever breaks off behind them is made good when the rows
-- are recomputed. A quarter of an hour without any event left is recomputed to no row at all.
INSERT INTO stale_activity (user_id, slot, bot, marked_at)
SELECT DISTINCT user_id, toStartOfFifteenMinutes(ts), bot, now64(6) FROM events WHERE (user_id, ts, event_id) IN ($repeated_rows);

DELETE FROM texts WHERE (ts, event_id) IN (SELECT ts, event_id FROM ($repeated_rows));

DELETE FROM events WHERE (user_id, ts, event_id) IN ($repeated_rows);

DELETE FROM activity
WHERE (user_id, slot) IN (SELECT user_id, toStartOfFifteenMinutes(ts) AS slot FROM ($repeated_rows))
  AND (user_id, slot, bot) NOT IN (
    SELECT user_id, toStartOfFifteenMinutes(ts), bot FROM events WHERE user_id IN (SELECT user_id FROM ($repeated_rows)));

DELETE FROM activity_by_slot
WHERE (user_id, slot) IN (SELECT user_id, toStartOfFifteenMinutes(ts) AS slot FROM ($repeated_rows))
  AND (user_id, slot, bot) NOT IN (
    SELECT user_id, toStartOfFifteenMinutes(ts), bot FROM events WHERE user_id IN (SELECT user_id FROM ($repeated_rows)))
