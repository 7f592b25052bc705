-- The next {rows} quarters of an hour and bots of $source from a time on, with all bots of the last one: how many, and the last time.
SELECT count(), toUnixTimestamp(max(slot)) FROM (
    SELECT slot FROM $source AND slot >= toDateTime({first_slot:UInt32}, 'UTC')
    GROUP BY slot, bot
    ORDER BY slot
    LIMIT {rows:UInt32} WITH TIES
)
