-- What owners save on the pages: views, funnels, annotations, rules of alerts, the order of cards. The newest row of an id counts: a new
-- name or value is one more row, and so is a deletion. `value` is JSON. The web part inserts as a user who may do nothing else
-- (docs/adr/0053); the time is this server's, so that clocks of browsers and parts don't matter.
CREATE TABLE IF NOT EXISTS ${database}.saved (
    kind LowCardinality(String),
    id String,
    name String,
    value String CODEC(ZSTD(1)),
    is_deleted Bool,
    saved_at DateTime64(6, 'UTC') DEFAULT now64(6)
) ENGINE = ReplacingMergeTree(saved_at)
ORDER BY (kind, id);
