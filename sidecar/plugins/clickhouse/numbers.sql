-- A piece of the statements of the second rollups: the numbers of the people in some quarters of an hour.
SELECT user_id, number FROM person_numbers FINAL
WHERE user_id IN (SELECT user_id FROM activity_by_slot WHERE slot IN {slots:Array(UInt32)})
