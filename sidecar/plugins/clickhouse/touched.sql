-- A piece of the statements of the second rollups: the quarters of an hour and bots of $source between two times.
touched AS (
    SELECT DISTINCT slot, bot FROM $source
        AND slot >= toDateTime({first_slot:UInt32}, 'UTC') AND slot <= toDateTime({last_slot:UInt32}, 'UTC')
)
