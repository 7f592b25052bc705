-- A piece of delete_repeated.sql: the keys of events, which travel as parameters.
SELECT unhex(each.1) AS user_id, fromUnixTimestamp64Nano(each.2, 'UTC') AS ts, each.3 AS event_id
FROM (SELECT arrayJoin(arrayZip({users:Array(String)}, {times:Array(Int64)}, {ids:Array(UUID)})) AS each)
