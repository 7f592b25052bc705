-- name: state
-- A text that is another one whenever figures, trails or images are: what was marked as stale lately (an event is shown before it is
-- counted), when figures were last computed, and what has no mark: loss accounting, dead letters, images, bots.
SELECT toString(tuple(
    (SELECT (count(), max(marked_at)) FROM stale_activity WHERE marked_at > now64(6) - INTERVAL 1 HOUR),
    (SELECT max(computed_at) FROM figures), (SELECT max(computed_at) FROM people),
    (SELECT (count(), max(last_ts), sum(reached), sum(queue_full), sum(refused), sum(failed)) FROM sequences),
    (SELECT (count(), max(received_at)) FROM dead_letters),
    (SELECT (count(), max(updated_at)) FROM images)))
