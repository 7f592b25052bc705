-- Events without any time, in loss accounting: a process is active when they were received, as pages show them, not in 1970.

ALTER TABLE ${database}.fill_sequences MODIFY QUERY
WITH if(ts_source = 'unknown', received_at, toDateTime64(ts, 3, 'UTC')) AS shown
SELECT
    service_name, instance_id, toUInt32(intDiv(sequence, 65536)) AS block,
    groupBitmapState(toUInt32(sequence % 65536)) AS numbers,
    min(shown) AS first_ts,
    max(shown) AS last_ts,
    max(toUInt64OrZero(attributes['chattrail.dropped.queue_full'])) AS queue_full,
    max(toUInt64OrZero(attributes['chattrail.dropped.refused'])) AS refused,
    max(toUInt64OrZero(attributes['chattrail.dropped.failed'])) AS failed
FROM ${database}.events
WHERE instance_id != '' AND sequence BETWEEN 1 AND 1099511627775
GROUP BY service_name, instance_id, block;

-- The report of a process's end likewise. A record that is not stored yet has no time of receipt: it is now.
ALTER TABLE ${database}.fill_process_ends MODIFY QUERY
WITH
    attributes AS a,
    (n -> n >= 1420070400000000000 AND n < 4102444800000000000) AS plausible,
    toUInt64OrZero(a['chattrail.process.reached']) AS number,
    multiIf(
        plausible(time_unix_nano), fromUnixTimestamp64Milli(toInt64(intDiv(time_unix_nano, 1000000)), 'UTC'),
        plausible(observed_time_unix_nano), fromUnixTimestamp64Milli(toInt64(intDiv(observed_time_unix_nano, 1000000)), 'UTC'),
        now64(3, 'UTC')) AS at
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
WHERE name = 'chattrail_process.ended' AND instance_id != '' AND number BETWEEN 1 AND 1099511627775;

-- What was counted before: a least time that stands at 1970 cannot be lowered away, so it is put behind all others, and the times of
-- those blocks are taken from the events and reports once more. Bits and counts stay as they are.
ALTER TABLE ${database}.sequences UPDATE first_ts = toDateTime64('2299-12-31 00:00:00', 3, 'UTC')
WHERE first_ts = toDateTime64(0, 3, 'UTC') SETTINGS mutations_sync = 1;

INSERT INTO ${database}.sequences (service_name, instance_id, block, numbers, first_ts, last_ts)
SELECT
    service_name, instance_id, toUInt32(intDiv(sequence, 65536)) AS block, bitmapBuild(emptyArrayUInt32()),
    min(if(ts_source = 'unknown', received_at, toDateTime64(ts, 3, 'UTC'))),
    max(if(ts_source = 'unknown', received_at, toDateTime64(ts, 3, 'UTC')))
FROM ${database}.events
WHERE instance_id != '' AND sequence BETWEEN 1 AND 1099511627775
  AND (service_name, instance_id, toUInt32(intDiv(sequence, 65536))) IN (
      SELECT service_name, instance_id, block FROM ${database}.sequences WHERE first_ts > toDateTime64('2299-01-01 00:00:00', 3, 'UTC'))
GROUP BY service_name, instance_id, block;

INSERT INTO ${database}.sequences (service_name, instance_id, block, numbers, first_ts, last_ts)
SELECT
    attributes['chattrail.process.service_name'], attributes['chattrail.process.instance_id'] AS instance,
    toUInt32(intDiv(toUInt64OrZero(attributes['chattrail.process.reached']) AS number, 65536)),
    bitmapBuild(emptyArrayUInt32()), received_at, received_at
FROM ${database}.logs
WHERE name = 'chattrail_process.ended' AND ts = toDateTime64(0, 9, 'UTC') AND instance != '' AND number BETWEEN 1 AND 1099511627775;

-- A person's name and the like are the newest by the time that is shown.
INSERT INTO ${database}.stale_activity
SELECT DISTINCT user_id, toStartOfFifteenMinutes(ts), now64(6)
FROM ${database}.events
WHERE ts = toDateTime64(0, 9, 'UTC');
