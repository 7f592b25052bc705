-- Saves how far a pass has come.
INSERT INTO rollup_progress (pass, reached, until, month, user_id, slot)
SELECT {pass:String}, fromUnixTimestamp64Micro({reached:Int64}, 'UTC'), fromUnixTimestamp64Micro({until:Int64}, 'UTC'),
    {month:UInt32}, unhex({user:String}), toDateTime({slot:UInt32}, 'UTC')
