-- How far a pass has come.
SELECT toUnixTimestamp64Micro(reached), toUnixTimestamp64Micro(until), month, hex(user_id), toUnixTimestamp(slot)
FROM rollup_progress FINAL WHERE pass = {pass:String}
