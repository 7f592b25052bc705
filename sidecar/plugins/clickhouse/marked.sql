-- A piece of find_repeated.sql and recompute_activity.sql: the rows of `activity` that were marked after {after} and up to {until},
-- and lie, in the order of month, person and quarter of an hour, behind the first key and up to the last one.
(
    SELECT user_id, slot, bot FROM stale_activity
    WHERE marked_at > fromUnixTimestamp64Micro({after:Int64}, 'UTC') AND marked_at <= fromUnixTimestamp64Micro({until:Int64}, 'UTC')
      AND (toYYYYMM(slot) > {first_month:UInt32} OR toYYYYMM(slot) = {first_month:UInt32} AND user_id >= unhex({first_user:String}))
      AND (toYYYYMM(slot) < {last_month:UInt32} OR toYYYYMM(slot) = {last_month:UInt32} AND user_id <= unhex({last_user:String}))
      AND (toYYYYMM(slot), user_id, slot) > ({first_month:UInt32}, unhex({first_user:String}), toDateTime({first_slot:UInt32}, 'UTC'))
      AND (toYYYYMM(slot), user_id, slot) <= ({last_month:UInt32}, unhex({last_user:String}), toDateTime({last_slot:UInt32}, 'UTC'))
    GROUP BY user_id, slot, bot
)
