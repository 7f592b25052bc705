-- name: state
-- A text that is another one whenever figures, trails or images are: what was marked as stale in the last five to ten minutes, longer
-- than any insert takes (an event is shown before it is counted), when figures were last computed, and what has no mark: loss
-- accounting, dead letters, images, bots, what owners saved.
-- Rows that merges take away change nothing: keys are counted, and what is kept of the newest row or as a maximum.
SELECT toString(tuple(
    (SELECT (uniq(user_id, slot, bot), max(marked_at)) FROM stale_activity
     WHERE marked_at >= toStartOfFiveMinutes(now()) - INTERVAL 5 MINUTE),
    (SELECT max(computed_at) FROM figures), (SELECT max(computed_at) FROM people),
    (SELECT (count(), max(last_ts), sum(reached), sum(queue_full), sum(refused), sum(failed)) FROM sequences FINAL),
    (SELECT (uniq(batch, position), max(received_at)) FROM dead_letters),
    (SELECT (uniq(event_id), max(updated_at)) FROM images),
    (SELECT max(saved_at) FROM saved)))
