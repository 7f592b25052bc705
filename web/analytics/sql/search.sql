-- name: words_of
-- What somebody looks for as words, small letters alike, as common/words.py makes them of texts.
SELECT arrayDistinct(splitByChar(' ', trimBoth($words)))

-- name: words_beginning
-- The first {limit} words that begin so.
SELECT DISTINCT word FROM text_words WHERE startsWith(word, {beginning:String}) LIMIT {limit:UInt32}

-- name: texts
-- The newest {limit} texts with all words. In the order of the table, so that reading ends when there are enough; a row may be there
-- twice, and is shown once.
SELECT toUnixTimestamp64Nano(ts) AS at, toString(event_id) AS id, hex($key), hex(bot), type, side, toValidUTF8(text), count() OVER ()
FROM (
    SELECT ts, event_id, user_id, bot, type, side, text FROM texts
    WHERE $matches AND user_id != '' AND $of_bot AND $within AND $after AND $who
    ORDER BY ts DESC, event_id DESC
    LIMIT {limit:UInt32}
)
ORDER BY ts DESC, event_id DESC
LIMIT 1 BY ts, event_id

-- name: texts_filled
-- The month from which on all texts that were stored before are there, 0 for all (sidecar/plugins/clickhouse/texts.py).
SELECT month FROM rollup_progress FINAL WHERE pass = 'texts fill'
