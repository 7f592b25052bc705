-- name: bots
-- Which bots each service has had, those with the newest events first; names in hexadecimal, since they may hold anything.
WITH $short AS short
SELECT hex(service_name), hex(bot_id), short(argMaxMerge(username)), max(last_ts) AS last
FROM bots
GROUP BY service_name, bot_id
ORDER BY last DESC, bot_id, service_name
LIMIT {limit:UInt32}
