-- name: dead_blocks
-- A piece of the queries below: dead letters that are not stored after all, in blocks of 65,536 numbers as `sequences` has them.
SELECT
    service_name, instance_id, block, first_at, last_at,
    toUInt64(block) * 65536 + bitmapMax(dead) AS highest,
    bitmapAndnot(dead, sequence.numbers) AS lost,
    toUInt64(bitmapCardinality(lost)) AS lost_count
FROM (
    SELECT
        service_name, instance_id, toUInt32(intDiv(sequence, 65536)) AS block,
        groupBitmapState(toUInt32(sequence % 65536)) AS dead, min(received_at) AS first_at, max(received_at) AS last_at
    FROM dead_letters FINAL
    WHERE instance_id != '' AND sequence BETWEEN 1 AND 1099511627775
    GROUP BY service_name, instance_id, block
) AS letter
LEFT JOIN (
    SELECT service_name, instance_id, block, numbers FROM sequences FINAL
    WHERE (service_name, instance_id, block) IN (
        SELECT service_name, instance_id, toUInt32(intDiv(sequence, 65536)) FROM dead_letters
        WHERE instance_id != '' AND sequence BETWEEN 1 AND 1099511627775
    )
) AS sequence USING (service_name, instance_id, block)

-- name: processes
-- The account of every process with an event in the range: sums over all of them, the newest ones, and the newest of those that
-- lost something. A process counts with its whole life, since a loss has no time of its own. FINAL joins the parts of a block
-- while it reads in the order of the key, so memory is needed for each process but not for each block. A tracker may count what
-- arrived all the same (its answer was lost), or what comes after all we have seen: hence `least`, of sums: a name that
-- stands in the next one's terms is analysed once more for each of them.
WITH
    $short AS short,
    (-last, service_name, instance_id, first, emitted, stored, dead_letters, queue_full, refused, failed, process_ended, unknown,
        front, last_stored) AS process,
    (processes -> arrayMap(each -> (each, hex(each.2), hex(each.3), short(each.2), short(each.3)), processes)) AS named
SELECT
    count(), sum(toInt128(emitted)), sum(toInt128(stored)),
    sum(toInt128(dead_letters)), sum(toInt128(queue_full)), sum(toInt128(refused)), sum(toInt128(failed)),
    sum(toInt128(process_ended)), sum(toInt128(unknown)),
    named(groupArraySorted($instances)(process)),
    named(groupArraySortedIf($gaps)(process, emitted > stored))
FROM (
    WITH (count -> toInt64(least(count, 1099511627775))) AS bounded
    SELECT
        service_name, instance_id,
        toUnixTimestamp64Milli(min(first_at)) AS first, toUnixTimestamp64Milli(max(last_at)) AS last,
        toInt64(sum(numbers)) AS stored, toInt64(max(highest)) AS last_stored, toInt64(sum(lost)) AS dead_letters,
        toInt64(max(greatest(highest, highest_dead))) AS front,
        greatest(front, toInt64(max(ended_at))) AS emitted,
        emitted - stored - dead_letters AS missing,
        least(missing, bounded(max(full))) AS queue_full,
        least(missing, bounded(max(full)) + bounded(max(denied))) AS and_refused,
        least(missing, bounded(max(full)) + bounded(max(denied)) + bounded(max(broken))) AS and_failed,
        and_refused - queue_full AS refused,
        and_failed - and_refused AS failed,
        max(cut) ? least(missing - and_failed, emitted - front) : 0 AS process_ended,
        missing - and_failed - process_ended AS unknown
    FROM (
        SELECT
            service_name, instance_id, first_ts AS first_at, last_ts AS last_at,
            toUInt64(bitmapCardinality(numbers)) AS numbers,
            numbers > 0 ? toUInt64(block) * 65536 + bitmapMax(sequences.numbers) : 0 AS highest,
            0 AS lost, 0 AS highest_dead,
            queue_full AS full, refused AS denied, failed AS broken, reached AS ended_at, cut_off AS cut
        FROM sequences FINAL
        UNION ALL
        SELECT service_name, instance_id, first_at, last_at, 0, 0, lost_count, highest, 0, 0, 0, 0, 0 FROM ($dead_blocks)
    )
    GROUP BY service_name, instance_id
    HAVING first < {end:Int64} AND last >= {start:Int64}
)

-- name: chosen
-- A piece of the queries below: processes or blocks given in hexadecimal, since they may hold anything. A subquery, because
-- ClickHouse uses the primary key for a set and not for an array that a lambda makes.
SELECT $columns FROM (SELECT arrayJoin({chosen:Array($type)}) AS each)

-- name: incomplete_blocks
-- The newest blocks of some processes that have a number missing between the last stored one before them and their own
-- greatest. Processes come as they are given.
SELECT
    place, block, cardinality, lowest, highest,
    lagInFrame(highest) OVER (PARTITION BY place ORDER BY block ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before
FROM (
    SELECT
        $place AS place, block,
        toUInt64(bitmapCardinality(numbers)) AS cardinality,
        toUInt64(block) * 65536 + bitmapMin(numbers) AS lowest,
        toUInt64(block) * 65536 + bitmapMax(numbers) AS highest
    FROM sequences FINAL
    WHERE (service_name, instance_id) IN ($chosen) AND bitmapCardinality(numbers) > 0
)
QUALIFY highest - before > cardinality
ORDER BY place, block DESC
LIMIT {rows:UInt32}

-- name: dead_numbers
-- The newest dead letters of the same processes, block by block.
SELECT
    $place AS place,
    arrayMap(n -> toUInt64(block) * 65536 + n, arraySlice(arraySort(bitmapToArray(lost)), -{dead:Int32})) AS numbers
FROM ($dead_blocks)
WHERE (service_name, instance_id) IN ($chosen) AND lost_count > 0
ORDER BY place, block DESC
LIMIT {rows:UInt32}

-- name: holes
-- The newest runs of missing numbers between the least and the greatest stored one of each of these blocks.
WITH
    toUInt64(block) * 65536 AS base,
    arraySort(bitmapToArray(numbers)) AS stored,
    arrayFilter((i, here, before) -> i > 1 AND here > before + 1,
        arrayEnumerate(stored), stored, arrayPushFront(arrayPopBack(stored), 0)) AS ends
SELECT
    hex(service_name), hex(instance_id), block,
    arrayMap(i -> (base + stored[i - 1] + 1, base + stored[i] - 1), arraySlice(ends, -{gaps:Int32}))
FROM sequences FINAL
WHERE (service_name, instance_id, block) IN ($chosen)
