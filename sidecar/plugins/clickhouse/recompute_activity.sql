-- Recomputes rows of `activity` from the events as they are without doubles: those that were marked after {after} and up to
-- {until}, and lie, in the order of month, person and quarter of an hour, behind the first key and up to the last one.
-- The person's name and the like are the newest non-empty ones of the quarter of an hour. Sums leave out the numbers that
-- sidecar/plugins/clickhouse/migrations/0010_numbers_left_out.sql describes, and count them.
INSERT INTO activity
WITH marked AS (
    SELECT user_id, slot FROM stale_activity
    WHERE marked_at > fromUnixTimestamp64Micro({after:Int64}, 'UTC') AND marked_at <= fromUnixTimestamp64Micro({until:Int64}, 'UTC')
      AND (toYYYYMM(slot) > {first_month:UInt32} OR toYYYYMM(slot) = {first_month:UInt32} AND user_id >= unhex({first_user:String}))
      AND (toYYYYMM(slot) < {last_month:UInt32} OR toYYYYMM(slot) = {last_month:UInt32} AND user_id <= unhex({last_user:String}))
      AND (toYYYYMM(slot), user_id, slot) > ({first_month:UInt32}, unhex({first_user:String}), toDateTime({first_slot:UInt32}, 'UTC'))
      AND (toYYYYMM(slot), user_id, slot) <= ({last_month:UInt32}, unhex({last_user:String}), toDateTime({last_slot:UInt32}, 'UTC'))
    GROUP BY user_id, slot
)
SELECT
    user_id,
    toStartOfFifteenMinutes(ts) AS slot,
    now64(6) AS computed_at,
    min(e.shown) AS first_ts,
    max(e.shown) AS last_ts,
    maxIf(e.shown, type NOT IN ('ai_message', 'image_generated', 'handler_failed') AND premium_action IN ('', 'paid')) AS last_own_ts,
    count() AS events,
    countIf(type = 'user_message') AS messages,
    countIf(type = 'ai_message' AND error_type = '') AS answers,
    countIf(type = 'ai_message' AND error_type != '') AS answer_failures,
    countIf(type = 'image_generated' AND error_type = '') AS pictures,
    countIf(type = 'image_generated' AND error_type != '') AS picture_failures,
    countIf(type = 'image_refresh') AS refreshes,
    countIf(type IN ('command', 'start_command')) AS commands,
    countIf(type = 'start_command') AS starts,
    countIf(type = 'persona_selected') AS persona_choices,
    countIf(type = 'story_selected') AS story_choices,
    countIf(type = 'chat_cleared') AS clears,
    countIf(type = 'chat_continued') AS continues,
    countIf(premium_action = 'offered') AS offers,
    countIf(premium_action = 'invoice_sent') AS invoices,
    countIf(premium_action = 'paid') AS payments,
    countIf(premium_action = 'refunded') AS refunds,
    sumIf(amount, premium_action = 'paid' AND currency = 'XTR' AND NOT amount_left_out)
        - sumIf(amount, premium_action = 'refunded' AND currency = 'XTR' AND NOT amount_left_out) AS stars,
    sumIf(e.input_tokens, e.input_tokens <= 1000000000) AS input_tokens,
    sumIf(e.output_tokens, e.output_tokens <= 1000000000) AS output_tokens,
    sumIf(duration_ms, type = 'ai_message' AND NOT duration_left_out) AS answer_ms,
    countIf(type = 'ai_message' AND duration_ms > 0 AND NOT duration_left_out) AS timed_answers,
    countIf(type = 'handler_failed') AS failures,
    countIf(type = 'bot_blocked') AS blocks,
    countIf(type = 'bot_unblocked') AS unblocks,
    argMaxIf(e.type, (e.shown, e.sequence), e.type IN ('bot_blocked', 'bot_unblocked')) AS last_block_event,
    groupUniqArrayIf(session_id, session_id != '') AS sessions,
    sumMapIf(map(e.persona_id, 1), e.type = 'user_message' AND e.persona_id != '') AS personas,
    sumMapIf(map(e.story_id, 1), e.type = 'user_message' AND e.story_id != '') AS stories,
    sumMapIf(map(if(type = 'start_command', 'start', command), 1), type IN ('command', 'start_command')) AS command_counts,
    argMaxIf(e.username, (e.shown, e.sequence), e.username != '') AS username,
    argMaxIf(e.user_name, (e.shown, e.sequence), e.user_name != '') AS user_name,
    argMaxIf(e.language_code, (e.shown, e.sequence), e.language_code != '') AS language_code,
    argMaxIf(e.is_premium, (e.shown, e.sequence), e.username != '' OR e.user_name != '') AS is_premium,
    argMaxIf(e.persona_id, (e.shown, e.sequence), e.persona_id != '') AS persona_id,
    argMaxIf(e.story_id, (e.shown, e.sequence), e.story_id != '') AS story_id,
    countIf(premium_action IN ('paid', 'refunded') AND currency = 'XTR' AND amount_left_out) AS amounts_left_out,
    countIf(type = 'ai_message' AND error_type = '' AND duration_left_out) AS durations_left_out,
    sum(e.tokens_left_out) AS tokens_left_out
FROM (
    SELECT *, if(toUnixTimestamp64Nano(ts) = 0, received_at::DateTime64(9, 'UTC'), ts) AS shown FROM events FINAL
    WHERE user_id IN (SELECT user_id FROM marked)
      AND toYYYYMM(ts) IN (SELECT toYYYYMM(slot) FROM marked)
      AND (user_id, toStartOfFifteenMinutes(ts)) IN (SELECT user_id, slot FROM marked)
) AS e
GROUP BY user_id, slot
