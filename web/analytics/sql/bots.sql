-- name: bots
-- The values of the column `bot` and which bots they stand for, newest events first; in hexadecimal, since they may hold anything.
WITH $short AS short
SELECT hex(bot), hex(stored), short(username), max(last_ts) AS last
FROM shown_bots
GROUP BY bot, stored, username
ORDER BY last DESC, bot, stored
LIMIT {limit:UInt32}
