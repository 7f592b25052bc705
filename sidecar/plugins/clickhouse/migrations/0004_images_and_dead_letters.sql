-- Where the picture of an image_generated event went. One row per event; the newest state wins.
CREATE TABLE IF NOT EXISTS ${database}.images (
    event_id UUID,
    image_id String,
    user_id String,
    status LowCardinality(String),
    store LowCardinality(String),
    key String,
    content_type LowCardinality(String),
    bytes UInt64,
    width UInt32,
    height UInt32,
    sha256 String,
    reason String,
    attempts UInt8,
    source_kind LowCardinality(String),
    source String,
    created_at DateTime64(3, 'UTC'),
    updated_at DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree(updated_at)
ORDER BY event_id
SETTINGS non_replicated_deduplication_window = 10000;

-- Records that could not become events or logs, with the reason. `raw` is an ExportLogsServiceRequest that holds the one
-- record with its resource and scope, so it can be looked at and sent again.
CREATE TABLE IF NOT EXISTS ${database}.dead_letters (
    received_at DateTime64(3, 'UTC') DEFAULT now64(3),
    reason LowCardinality(String),
    event_name LowCardinality(String),
    batch String,
    position UInt32,
    raw String CODEC(ZSTD(3))
) ENGINE = ReplacingMergeTree(received_at)
ORDER BY (batch, position)
SETTINGS non_replicated_deduplication_window = 10000;
