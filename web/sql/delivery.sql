-- name: sequences
-- What is known of each block of a process's sequence: how many numbers are stored, the least and the greatest of them, and
-- dead letters that are not stored after all (how many, and the newest); of the process, what it lost, and where it ended. Only processes with an event in the range; a process
-- counts with its whole life, since a loss has no time of its own. Newest process first, its newest block first.
WITH
    bitmapBuild(emptyArrayUInt32()) AS nothing,
    bitmapAndnot(dead, stored) AS lost,
    toUInt64(block) * 65536 AS base
SELECT
    service_name, instance_id, block,
    toUnixTimestamp64Milli(min(earliest) OVER process) AS first,
    toUnixTimestamp64Milli(max(latest) OVER process) AS last,
    max(queue_full) OVER process, max(refused) OVER process, max(failed) OVER process,
    max(reached) OVER process, max(cut_off) OVER process,
    toUInt64(bitmapCardinality(stored)) AS cardinality,
    cardinality > 0 ? base + bitmapMin(stored) : 0 AS lowest,
    cardinality > 0 ? base + bitmapMax(stored) : 0 AS highest,
    toUInt64(bitmapCardinality(lost)) AS lost_count,
    arrayMap(n -> base + n, arraySlice(arraySort(bitmapToArray(lost)), -{dead:Int32})) AS newest_lost
FROM (
    SELECT
        service_name, instance_id, block,
        groupBitmapMergeState(numbers) AS stored, groupBitmapMergeState(dead_numbers) AS dead,
        min(first_ts) AS earliest, max(last_ts) AS latest,
        max(queue_full) AS queue_full, max(refused) AS refused, max(failed) AS failed,
        max(reached) AS reached, max(cut_off) AS cut_off
    FROM (
        SELECT
            service_name, instance_id, block, numbers, nothing AS dead_numbers, first_ts, last_ts,
            queue_full, refused, failed, reached, cut_off
        FROM sequences
        UNION ALL
        SELECT
            service_name, instance_id, toUInt32(intDiv(sequence, 65536)) AS block, nothing,
            groupBitmapState(toUInt32(sequence % 65536)), min(received_at), max(received_at), 0, 0, 0, 0, 0
        FROM dead_letters FINAL
        WHERE instance_id != '' AND sequence BETWEEN 1 AND 1099511627775
        GROUP BY service_name, instance_id, block
    )
    GROUP BY service_name, instance_id, block
)
WINDOW process AS (PARTITION BY service_name, instance_id)
QUALIFY first < {end:Int64} AND last >= {start:Int64}
ORDER BY last DESC, service_name, instance_id, block DESC

-- name: holes
-- The newest runs of missing numbers between the least and the greatest stored one of each of these blocks.
WITH
    toUInt64(block) * 65536 AS base,
    arraySort(bitmapToArray(groupBitmapMergeState(numbers))) AS stored,
    arrayFilter((i, here, before) -> i > 1 AND here > before + 1,
        arrayEnumerate(stored), stored, arrayPushFront(arrayPopBack(stored), 0)) AS ends
SELECT
    service_name, instance_id, block,
    arrayMap(i -> (base + stored[i - 1] + 1, base + stored[i] - 1), arraySlice(ends, -{gaps:Int32}))
FROM sequences
WHERE (service_name, instance_id, block) IN {blocks:Array(Tuple(String, String, UInt32))}
GROUP BY service_name, instance_id, block
