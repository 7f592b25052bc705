-- Resource and scope of dead letters, where they are more than a few bytes: stored once and not with each record. `raw` is an
-- ExportLogsServiceRequest without records; `dead_letters.origin` names it, and `raw` there then has the record alone.
CREATE TABLE IF NOT EXISTS ${database}.dead_letter_origins (
    digest String,
    received_at DateTime64(3, 'UTC') DEFAULT now64(3),
    raw String CODEC(ZSTD(3))
) ENGINE = ReplacingMergeTree(received_at)
ORDER BY digest
SETTINGS non_replicated_deduplication_window = 10000;

ALTER TABLE ${database}.dead_letters ADD COLUMN IF NOT EXISTS origin String;
