-- name: sequences
-- What is known of each block of a process's sequence, in order: the least and greatest number stored or dead-lettered, how
-- many are stored, the newest runs of missing ones between them, and dead letters that are not stored after all.
-- Only processes with an event in the range; a process counts with its whole life, since a loss has no time of its own.
WITH
    bitmapBuild(emptyArrayUInt32()) AS nothing,
    bitmapOr(stored, dead) AS known,
    toUInt64(block) * 65536 AS base,
    arraySort(bitmapToArray(stored)) AS numbers,
    arrayFilter((i, here, before) -> i > 1 AND here > before + 1,
        arrayEnumerate(numbers), numbers, arrayPushFront(arrayPopBack(numbers), 0)) AS ends
SELECT
    service_name, instance_id,
    toUnixTimestamp64Milli(min(earliest) OVER process) AS first,
    toUnixTimestamp64Milli(max(latest) OVER process) AS last,
    toUInt64(bitmapCardinality(stored)) AS cardinality,
    cardinality > 0 ? base + bitmapMin(stored) : 0 AS lowest,
    cardinality > 0 ? base + bitmapMax(stored) : 0 AS highest,
    highest - lowest + 1 > cardinality
        ? arrayMap(i -> (base + numbers[i - 1] + 1, base + numbers[i] - 1), arraySlice(ends, -{gaps:Int32}))
        : [] AS holes,
    arraySort(arrayMap(n -> base + n, bitmapToArray(bitmapAndnot(dead, stored)))) AS dead_numbers,
    max(queue_full) OVER process, max(refused) OVER process, max(failed) OVER process
FROM (
    SELECT
        service_name, instance_id, block,
        groupBitmapMergeState(numbers) AS stored, groupBitmapMergeState(dead_numbers) AS dead,
        min(first_ts) AS earliest, max(last_ts) AS latest,
        max(queue_full) AS queue_full, max(refused) AS refused, max(failed) AS failed
    FROM (
        SELECT service_name, instance_id, block, numbers, nothing AS dead_numbers, first_ts, last_ts, queue_full, refused, failed
        FROM sequences
        UNION ALL
        SELECT
            service_name, instance_id, toUInt32(intDiv(sequence, 65536)) AS block, nothing,
            groupBitmapState(toUInt32(sequence % 65536)), min(received_at), max(received_at), 0, 0, 0
        FROM dead_letters FINAL
        WHERE instance_id != '' AND sequence BETWEEN 1 AND 1099511627775
        GROUP BY service_name, instance_id, block
    )
    GROUP BY service_name, instance_id, block
)
WINDOW process AS (PARTITION BY service_name, instance_id)
QUALIFY first < {end:Int64} AND last >= {start:Int64}
ORDER BY last DESC, service_name, instance_id, block
