-- A piece of the statements of the second rollups: the quarters of an hour and bots of a source between two times. A mark without a bot
-- is of a row from before there were bots in `activity`, whose place rows of any bot have taken.
touched AS (
    SELECT slot, bot FROM $source
        AND slot >= toDateTime({first_slot:UInt32}, 'UTC') AND slot <= toDateTime({last_slot:UInt32}, 'UTC')
    UNION DISTINCT
    SELECT slot, bot FROM activity_by_slot WHERE slot IN (
        SELECT slot FROM $source
            AND slot >= toDateTime({first_slot:UInt32}, 'UTC') AND slot <= toDateTime({last_slot:UInt32}, 'UTC') AND bot = '')
)
