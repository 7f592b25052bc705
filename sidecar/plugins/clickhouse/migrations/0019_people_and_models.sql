-- What people are filtered by, and what each model did.

-- Behind its time in 20 digits, so that the least text is the first one and the greatest the newest: what the first /start carried, the
-- first persona, what the person did first, the plan that was paid last, the model that answered last; '' where there is none. `usage` is what
-- models did: tokens by 'input:' and 'output:' and the name of the model, pictures that were made by 'pictures:' and its name.
ALTER TABLE ${database}.activity
    ADD COLUMN IF NOT EXISTS first_start String,
    ADD COLUMN IF NOT EXISTS first_persona String,
    ADD COLUMN IF NOT EXISTS first_event String,
    ADD COLUMN IF NOT EXISTS last_plan String,
    ADD COLUMN IF NOT EXISTS last_model String,
    ADD COLUMN IF NOT EXISTS usage Map(LowCardinality(String), UInt64);

ALTER TABLE ${database}.activity_by_slot ADD COLUMN IF NOT EXISTS usage Map(String, UInt64);

ALTER TABLE ${database}.fill_activity_by_slot MODIFY QUERY
SELECT
    user_id, slot, bot, computed_at, first_ts, last_ts,
    [events, messages, bot_messages, answers, answer_failures, pictures, picture_failures, refreshes, commands, starts,
        persona_choices, story_choices, clears, continues, other_actions, own_edits, bot_edits, deletions, reactions, votes,
        offers, invoices, payments, first_payments, renewals, refunds, refusals, cancellations, blocks, unblocks, failures,
        amounts_left_out + (NOT abs(a.stars) <= 1e15)
            + arrayCount(v -> NOT v BETWEEN -1000000000000000 AND 1000000000000000, mapValues(a.revenue))
            + arrayCount(v -> NOT abs(v) <= 1e15, mapValues(a.revenue_units)),
        durations_left_out,
        tokens_left_out + (input_tokens > 1e15) + (output_tokens > 1e15),
        timed_answers,
        if(input_tokens <= 1e15, input_tokens, 0), if(output_tokens <= 1e15, output_tokens, 0)] AS counts,
    bitOr(bitOr(bitOr(bitOr(bitOr(
        toUInt8(messages + commands + persona_choices + story_choices + refreshes + clears + continues + payments + other_actions > 0),
        2 * (starts > 0)), 4 * (persona_choices > 0)), 8 * (story_choices > 0)), 16 * (answers + bot_messages > 0)),
        32 * (payments > 0)) AS steps,
    if(abs(a.stars) <= 1e15, a.stars, 0) AS stars,
    mapApply((k, v) -> (toString(k), toInt128(v)),
        mapFilter((k, v) -> v BETWEEN -1000000000000000 AND 1000000000000000, a.revenue)) AS revenue,
    mapApply((k, v) -> (toString(k), v), mapFilter((k, v) -> abs(v) <= 1e15, a.revenue_units)) AS revenue_units,
    answer_durations,
    arrayConcat(
        arrayMap((k, v) -> ('personas', toString(k), v, ''), mapKeys(personas), mapValues(personas)),
        arrayMap((k, v) -> ('stories', toString(k), v, ''), mapKeys(stories), mapValues(stories)),
        arrayMap((k, v) -> ('command_counts', toString(k), v, ''), mapKeys(command_counts), mapValues(command_counts)),
        arrayMap((k, v) -> ('custom_counts', toString(k), v, ''), mapKeys(custom_counts), mapValues(custom_counts)),
        arrayMap((k, v) -> ('personas', toString(k), toUInt32(0), v), mapKeys(persona_names), mapValues(persona_names)),
        arrayMap((k, v) -> ('stories', toString(k), toUInt32(0), v), mapKeys(story_names), mapValues(story_names))) AS choices,
    mapApply((k, v) -> (toString(k), v), usage) AS usage
FROM ${database}.activity AS a;

-- The figures that Statistics draw by time are read from columns of their own: the array of all counts is nine times as much.
ALTER TABLE ${database}.figures
    ADD COLUMN IF NOT EXISTS usage Map(String, UInt64),
    MODIFY COLUMN messages UInt64 MATERIALIZED counts[2],
    MODIFY COLUMN bot_messages UInt64 MATERIALIZED counts[3],
    MODIFY COLUMN answers UInt64 MATERIALIZED counts[4],
    MODIFY COLUMN pictures UInt64 MATERIALIZED counts[6];

-- `source` is what the first /start carried, `first_event` what the person did first: a type of events, '/' and the name of a command, or
-- 'event:' and that of a custom event. `plan` is what was paid last, `model` the one that answered last.
ALTER TABLE ${database}.people
    ADD COLUMN IF NOT EXISTS source String,
    ADD COLUMN IF NOT EXISTS first_persona LowCardinality(String),
    ADD COLUMN IF NOT EXISTS first_event LowCardinality(String),
    ADD COLUMN IF NOT EXISTS plan LowCardinality(String),
    ADD COLUMN IF NOT EXISTS model LowCardinality(String),
    ADD COLUMN IF NOT EXISTS usage Map(String, UInt64);

-- A month in which nothing has changed for an hour becomes one part, without the states of its rows that newer ones replaced: pages read
-- it in less than half of the time.
ALTER TABLE ${database}.activity MODIFY SETTING min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1;
ALTER TABLE ${database}.activity_by_slot MODIFY SETTING min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1;
ALTER TABLE ${database}.figures MODIFY SETTING min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1;
ALTER TABLE ${database}.choices MODIFY SETTING min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1;

-- All rows are computed anew, in the minutes after the sidecar is ready.
INSERT INTO ${database}.stale_activity (user_id, slot, bot, marked_at)
SELECT user_id, slot, bot, now64(6) FROM ${database}.activity;
