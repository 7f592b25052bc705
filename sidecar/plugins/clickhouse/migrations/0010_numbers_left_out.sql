-- Numbers that no sum may take: not finite, negative, no number at all, or beyond what a price, an answer or a count of tokens can
-- be. One of them would make a sum useless for good, so the sums leave them out, and these columns let pages say how many. They are
-- defaults, so that they hold for events that came before, and for whatever door an event came by.
ALTER TABLE ${database}.events
    ADD COLUMN IF NOT EXISTS amount_left_out Bool DEFAULT NOT (amount BETWEEN 0 AND 1e9)
        OR (attributes['chattrail.premium.amount'] != ''
            AND NOT ifNull(toFloat64OrNull(attributes['chattrail.premium.amount']) BETWEEN 0 AND 1e9, false)),
    ADD COLUMN IF NOT EXISTS duration_left_out Bool DEFAULT NOT (duration_ms BETWEEN 0 AND 86400000)
        OR (attributes['chattrail.ai.duration_ms'] != ''
            AND NOT ifNull(toFloat64OrNull(attributes['chattrail.ai.duration_ms']) BETWEEN 0 AND 86400000, false)),
    ADD COLUMN IF NOT EXISTS tokens_left_out UInt8 DEFAULT
        (input_tokens > 1000000000 OR (attributes['gen_ai.usage.input_tokens'] != ''
            AND NOT ifNull(toUInt32OrNull(attributes['gen_ai.usage.input_tokens']) <= 1000000000, false)))
        + (output_tokens > 1000000000 OR (attributes['gen_ai.usage.output_tokens'] != ''
            AND NOT ifNull(toUInt32OrNull(attributes['gen_ai.usage.output_tokens']) <= 1000000000, false)));

ALTER TABLE ${database}.activity
    ADD COLUMN IF NOT EXISTS amounts_left_out UInt32,
    ADD COLUMN IF NOT EXISTS durations_left_out UInt32,
    ADD COLUMN IF NOT EXISTS tokens_left_out UInt32;

-- What holds such a number already is computed anew.
INSERT INTO ${database}.stale_activity
SELECT DISTINCT user_id, toStartOfFifteenMinutes(ts), now64(6)
FROM ${database}.events
WHERE amount_left_out OR duration_left_out OR tokens_left_out > 0;
