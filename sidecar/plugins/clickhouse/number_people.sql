-- Gives numbers to people of some quarters of an hour who have none, and other ones to those whose number somebody else has
-- as well, as after two sidecars did this at once; of two people the one whose id comes first keeps it.
INSERT INTO person_numbers (user_id, number)
WITH here AS (
    SELECT DISTINCT user_id FROM activity_by_slot WHERE slot IN {slots:Array(UInt32)} AND user_id != ''
)
SELECT user_id, (SELECT max(number) FROM person_numbers) + row_number() OVER (ORDER BY user_id)
FROM (
    SELECT user_id FROM here
    WHERE user_id NOT IN (SELECT user_id FROM person_numbers WHERE user_id IN (SELECT user_id FROM here))
    UNION ALL
    SELECT user_id FROM (
        SELECT user_id, row_number() OVER (PARTITION BY number ORDER BY user_id) AS place
        FROM person_numbers FINAL
        WHERE number IN (SELECT number FROM person_numbers WHERE user_id IN (SELECT user_id FROM here))
    )
    WHERE place > 1
)
