-- name: saved
-- What owners saved of a kind: the newest row of each id, unless it is deleted.
SELECT id, name, value, toUnixTimestamp64Milli(saved_at)
FROM saved FINAL
WHERE kind = {kind:String} AND NOT is_deleted
ORDER BY lowerUTF8(name), id
LIMIT {limit:UInt32}
