-- What people and bots wrote, to be searched over everybody: a narrow copy, the newest last. `words` is the text as common/words.py has
-- it, made once, so that a search means the same with the index and without it. sidecar/plugins/clickhouse/texts.py fills it behind
-- the figures, and works off what was stored before (docs/adr/0056).
CREATE TABLE IF NOT EXISTS ${database}.texts (
    ts DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    event_id UUID,
    user_id String CODEC(ZSTD(1)),
    bot LowCardinality(String),
    type LowCardinality(String),
    side LowCardinality(String), -- who wrote it: person or bot
    text String CODEC(ZSTD(3)),
    words String CODEC(ZSTD(3)),
    INDEX by_word words TYPE text(tokenizer = splitByString([' ']))
) ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (ts, event_id)
SETTINGS non_replicated_deduplication_window = 10000, index_granularity = 1024;

-- All words there are, once each: those that begin with what is looked for are the ones that the index is asked for.
CREATE TABLE IF NOT EXISTS ${database}.text_words (
    word String
) ENGINE = ReplacingMergeTree
ORDER BY word
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.fill_text_words TO ${database}.text_words AS
SELECT DISTINCT arrayJoin(splitByChar(' ', substring(words, 2))) AS word FROM ${database}.texts;
