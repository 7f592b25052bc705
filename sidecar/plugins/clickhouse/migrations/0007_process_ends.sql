-- Up to which number a process had got when it was over, as it said itself or, for one that was killed, as the next one found in
-- its file. Both hold of the process for ever, so a report that comes twice changes nothing.
ALTER TABLE ${database}.sequences
    ADD COLUMN IF NOT EXISTS reached SimpleAggregateFunction(max, UInt64),
    ADD COLUMN IF NOT EXISTS cut_off SimpleAggregateFunction(max, UInt8);

-- The report is a log record beside the events, about another process than the one that sends it. Its time is that of the process's
-- last event. It sets no number.
CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.fill_process_ends TO ${database}.sequences AS
WITH
    attributes AS a,
    (n -> n >= 1420070400000000000 AND n < 4102444800000000000) AS plausible,
    toUInt64OrZero(a['chattrail.process.reached']) AS number,
    fromUnixTimestamp64Milli(toInt64(intDiv(multiIf(
        plausible(time_unix_nano), time_unix_nano, plausible(observed_time_unix_nano), observed_time_unix_nano,
        toUInt64(0)), 1000000)), 'UTC') AS at
SELECT
    a['chattrail.process.service_name'] AS service_name,
    a['chattrail.process.instance_id'] AS instance_id,
    toUInt32(intDiv(number, 65536)) AS block,
    bitmapBuild(emptyArrayUInt32()) AS numbers,
    at AS first_ts,
    at AS last_ts,
    toUInt64OrZero(a['chattrail.dropped.queue_full']) AS queue_full,
    toUInt64OrZero(a['chattrail.dropped.refused']) AS refused,
    toUInt64OrZero(a['chattrail.dropped.failed']) AS failed,
    number AS reached,
    a['chattrail.process.cut_off'] = 'true' AS cut_off
FROM ${database}.records
WHERE event_name = 'chattrail_process.ended' AND instance_id != '' AND number BETWEEN 1 AND 1099511627775;
