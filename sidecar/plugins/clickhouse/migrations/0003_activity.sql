-- What each person did in each quarter of an hour: every figure and the list of users are sums over it, in any time zone.
-- Rows are recomputed from `events FINAL` (sidecar/plugins/clickhouse/rollup.py), so an event that comes twice, or years
-- late, leaves the same row behind as one that came once and in time.
CREATE TABLE IF NOT EXISTS ${database}.activity (
    user_id String,
    slot DateTime('UTC') CODEC(Delta, ZSTD(1)),
    computed_at DateTime64(6, 'UTC'),
    first_ts DateTime64(3, 'UTC'),
    last_ts DateTime64(3, 'UTC'),
    last_own_ts DateTime64(3, 'UTC'), -- the person's own newest event; 1970 when all were the bot's
    events UInt32,
    messages UInt32,
    answers UInt32,
    answer_failures UInt32,
    pictures UInt32,
    picture_failures UInt32,
    refreshes UInt32,
    commands UInt32,
    starts UInt32,
    persona_choices UInt32,
    story_choices UInt32,
    clears UInt32,
    continues UInt32,
    offers UInt32,
    invoices UInt32,
    payments UInt32,
    refunds UInt32,
    stars Float64,
    input_tokens UInt64,
    output_tokens UInt64,
    answer_ms Float64,
    timed_answers UInt32,
    failures UInt32,
    blocks UInt32,
    unblocks UInt32,
    last_block_event LowCardinality(String),
    sessions Array(String),
    personas Map(LowCardinality(String), UInt32),
    stories Map(LowCardinality(String), UInt32),
    command_counts Map(LowCardinality(String), UInt32),
    username String,
    user_name String,
    language_code LowCardinality(String),
    is_premium Bool,
    persona_id LowCardinality(String),
    story_id LowCardinality(String)
) ENGINE = ReplacingMergeTree(computed_at)
PARTITION BY toYYYYMM(slot)
ORDER BY (user_id, slot)
SETTINGS non_replicated_deduplication_window = 10000;

-- Which rows of `activity` an insert has made stale. Short-lived: a mark is of no use once its row was recomputed.
CREATE TABLE IF NOT EXISTS ${database}.activity_stale (
    user_id String,
    slot DateTime('UTC'),
    marked_at DateTime64(6, 'UTC')
) ENGINE = ReplacingMergeTree(marked_at)
ORDER BY (user_id, slot)
TTL toDateTime(marked_at) + INTERVAL 2 DAY
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.mark_stale TO ${database}.activity_stale AS
SELECT user_id, toStartOfFifteenMinutes(ts) AS slot, now64(6) AS marked_at
FROM ${database}.events
GROUP BY user_id, slot;
