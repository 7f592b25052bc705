-- Which rows of `activity` an insert has made stale, again: in hours by when they were marked, so that what was marked lately
-- is found without looking at the rest, and inside of those in the order of `events`, so that a backlog is recomputed by reading
-- each stretch of `events` once. A week is kept: long enough for a backlog that a broken server has left.
CREATE TABLE IF NOT EXISTS ${database}.stale_activity (
    user_id String,
    slot DateTime('UTC'),
    marked_at DateTime64(6, 'UTC')
) ENGINE = ReplacingMergeTree(marked_at)
PARTITION BY toStartOfHour(marked_at)
ORDER BY (toYYYYMM(slot), user_id, slot)
TTL toDateTime(marked_at) + INTERVAL 7 DAY
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

-- The new view before the old one goes: for a moment both mark, and no insert of another sidecar goes unmarked.
CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.mark_stale_activity TO ${database}.stale_activity AS
SELECT user_id, toStartOfFifteenMinutes(ts) AS slot, now64(6) AS marked_at
FROM ${database}.events
GROUP BY user_id, slot;

-- Only where the table is still there: a migration that broke off is run again.
CREATE TABLE IF NOT EXISTS ${database}.activity_stale (user_id String, slot DateTime('UTC'), marked_at DateTime64(6, 'UTC'))
ENGINE = MergeTree ORDER BY user_id;
INSERT INTO ${database}.stale_activity SELECT user_id, slot, marked_at FROM ${database}.activity_stale;
DROP VIEW IF EXISTS ${database}.mark_stale;
DROP TABLE IF EXISTS ${database}.activity_stale;

-- How far each pass over the marks has come: `reached` is done; of what was marked up to `until`, rows up to the key are.
CREATE TABLE IF NOT EXISTS ${database}.rollup_progress (
    pass LowCardinality(String),
    reached DateTime64(6, 'UTC'),
    until DateTime64(6, 'UTC'),
    month UInt32,
    user_id String,
    slot DateTime('UTC'),
    saved_at DateTime64(6, 'UTC') DEFAULT now64(6)
) ENGINE = ReplacingMergeTree(saved_at)
ORDER BY pass
SETTINGS non_replicated_deduplication_window = 100;
