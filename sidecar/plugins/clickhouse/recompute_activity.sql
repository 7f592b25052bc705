-- Recomputes rows of `activity` from the events as they are without doubles, for every person and quarter of an hour that is
-- marked: the rows of all bots. The person's name and the like are the newest non-empty ones of the quarter of an hour. Sums leave
-- out the numbers that sidecar/plugins/clickhouse/migrations/0010_numbers_left_out.sql describes, and count them; a price in the
-- smallest units of its currency is no more than 1e12 of them. A mark without a bot is of a row from before there were bots in
-- `activity` (0014_bots.sql): empty_rows.sql then stands around the query.
INSERT INTO activity
WITH
    ((at, name) -> concat(leftPad(toString(toUnixTimestamp64Nano(at)), 20, '0'), substring(name, 1, 1000))) AS named
/* opening */
SELECT
    user_id,
    toStartOfFifteenMinutes(ts) AS slot,
    bot,
    now64(6) AS computed_at,
    min(e.shown) AS first_ts,
    max(e.shown) AS last_ts,
    maxIf(e.shown, is_own) AS last_own_ts,
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
    sumIf(sign * if(minor_units >= 0, toFloat64(minor_units), amount), money = 'XTR' AND is_sound) AS stars,
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
    countIf(sign != 0 AND NOT is_sound) AS amounts_left_out,
    countIf(type = 'ai_message' AND error_type = '' AND duration_left_out) AS durations_left_out,
    sum(e.tokens_left_out) AS tokens_left_out,
    countIf(type = 'bot_message') AS bot_messages,
    countIf(type = 'message_edited' AND side = 'person') AS own_edits,
    countIf(type = 'message_edited' AND side != 'person') AS bot_edits,
    countIf(type = 'message_deleted') AS deletions,
    countIf(type = 'reaction' AND is_own AND action != '') AS reactions,
    countIf(type = 'poll' AND action = 'voted') AS votes,
    countIf(is_own AND type IN ('message_edited', 'reaction', 'poll', 'chat_action', 'custom')) AS other_actions,
    sumMapIf(map(custom_name, 1), type = 'custom') AS custom_counts,
    countIf(premium_action = 'refused') AS refusals,
    countIf(premium_action = 'cancelled') AS cancellations,
    countIf(premium_action = 'paid' AND subscription = 'first') AS first_payments,
    countIf(premium_action = 'paid' AND subscription = 'renewal') AS renewals,
    sumMapIf(map(money, sign * minor_units), sign != 0 AND is_sound AND minor_units >= 0) AS revenue,
    sumMapIf(map(money, sign * e.amount), sign != 0 AND is_sound AND minor_units < 0) AS revenue_units,
    groupArrayIf(duration_ms, type = 'ai_message' AND error_type = '' AND duration_ms > 0 AND duration_ms <= 86400000) AS answer_durations,
    maxMapIf(map(e.persona_id, named(e.shown, e.attributes['chattrail.persona.name'])),
        type = 'persona_selected' AND e.attributes['chattrail.persona.name'] != '') AS persona_names,
    maxMapIf(map(e.story_id, named(e.shown, e.attributes['chattrail.story.name'])),
        type = 'story_selected' AND e.attributes['chattrail.story.name'] != '') AS story_names,
    minIf(named(e.shown, e.attributes['chattrail.start.payload']), type = 'start_command') AS first_start,
    minIf(named(e.shown, e.persona_id), e.persona_id != '') AS first_persona,
    minIf(named(e.shown, multiIf(type = 'start_command', '/start', type = 'command', concat('/', command),
        type = 'custom', concat('event:', custom_name), type)), is_own) AS first_event,
    maxIf(named(e.shown, e.plan), e.premium_action = 'paid' AND e.plan != '') AS last_plan,
    maxIf(named(e.shown, e.model), type = 'ai_message' AND error_type = '' AND e.model != '') AS last_model,
    mapFilter((k, v) -> v > 0, sumMapIf(map(concat('input:', e.model), used_input, concat('output:', e.model), used_output,
        concat('pictures:', e.model), made), used_input + used_output + made > 0)) AS usage
FROM (
    SELECT
        *,
        -- as the trail has it: nanoseconds since 1970 don't reach every time
        greatest(least(received_at, toDateTime64('2262-04-11', 3, 'UTC')), toDateTime64(0, 3, 'UTC')) AS received,
        if(toUnixTimestamp64Nano(ts) = 0, received::DateTime64(9, 'UTC'), ts) AS shown,
        multiIf(
            type = 'message_edited', side = 'person',
            type = 'reaction', side != 'bot',
            type = 'poll', action != 'closed',
            type = 'custom', update_id != 0,
            -- a block may be noticed only when the bot sends, long after the person did anything
            type NOT IN ('ai_message', 'bot_message', 'message_deleted', 'image_generated', 'handler_failed', 'bot_blocked')
                AND premium_action IN ('', 'paid')) AS is_own,
        toInt64(multiIf(premium_action = 'paid', 1, premium_action = 'refunded', -1, 0)) AS sign,
        upper(currency) AS money,
        if(minor_units = -1, NOT amount_left_out, minor_units BETWEEN 0 AND 1000000000000) AS is_sound,
        toUInt64(if(input_tokens <= 1000000000, input_tokens, 0)) AS used_input,
        toUInt64(if(output_tokens <= 1000000000, output_tokens, 0)) AS used_output,
        toUInt64(type = 'image_generated' AND error_type = '') AS made
    FROM events FINAL
    WHERE user_id IN $people
      AND toYYYYMM(ts) IN $months
      AND (user_id, toStartOfFifteenMinutes(ts)) IN $rows
) AS e
GROUP BY user_id, slot, bot
/* closing */
