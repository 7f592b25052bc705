-- Which numbers of each process's sequence are stored, as bitmaps of 65,536 numbers each: a number set twice is set once, so
-- doubles change nothing, and a month of a busy bot is a few hundred rows. The tracker's own counts of what it dropped are
-- cumulative, so their greatest is the newest.
CREATE TABLE IF NOT EXISTS ${database}.sequences (
    service_name LowCardinality(String),
    instance_id String,
    block UInt32,
    numbers AggregateFunction(groupBitmap, UInt32),
    first_ts SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    last_ts SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    queue_full SimpleAggregateFunction(max, UInt64),
    refused SimpleAggregateFunction(max, UInt64),
    failed SimpleAggregateFunction(max, UInt64)
) ENGINE = AggregatingMergeTree
ORDER BY (service_name, instance_id, block)
SETTINGS non_replicated_deduplication_window = 10000;

-- A number above 2^40 is no count of events; it would only make the loss look absurd.
CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.fill_sequences TO ${database}.sequences AS
SELECT
    service_name, instance_id, toUInt32(intDiv(sequence, 65536)) AS block,
    groupBitmapState(toUInt32(sequence % 65536)) AS numbers,
    min(toDateTime64(ts, 3, 'UTC')) AS first_ts,
    max(toDateTime64(ts, 3, 'UTC')) AS last_ts,
    max(toUInt64OrZero(attributes['chattrail.dropped.queue_full'])) AS queue_full,
    max(toUInt64OrZero(attributes['chattrail.dropped.refused'])) AS refused,
    max(toUInt64OrZero(attributes['chattrail.dropped.failed'])) AS failed
FROM ${database}.events
WHERE instance_id != '' AND sequence BETWEEN 1 AND 1099511627775
GROUP BY service_name, instance_id, block;

-- What was stored before there was the view. An event that both take is one bit all the same.
INSERT INTO ${database}.sequences
SELECT
    service_name, instance_id, toUInt32(intDiv(sequence, 65536)) AS block,
    groupBitmapState(toUInt32(sequence % 65536)),
    min(toDateTime64(ts, 3, 'UTC')), max(toDateTime64(ts, 3, 'UTC')), 0, 0, 0
FROM ${database}.events
WHERE instance_id != '' AND sequence BETWEEN 1 AND 1099511627775
GROUP BY service_name, instance_id, block;

-- Whose number a dead letter has, so that it can be told from one that never came. Empty where the record does not say.
ALTER TABLE ${database}.dead_letters
    ADD COLUMN IF NOT EXISTS service_name LowCardinality(String),
    ADD COLUMN IF NOT EXISTS instance_id String,
    ADD COLUMN IF NOT EXISTS sequence UInt64;
