-- The next {rows} quarters of an hour of $source from a time on.
SELECT DISTINCT toUnixTimestamp(slot) AS at FROM $source AND slot >= toDateTime({first_slot:UInt32}, 'UTC')
ORDER BY at
LIMIT {rows:UInt32}
