-- Second rollups: what pages show is read from few rows, however many events and quarters of an hour there are. All of them follow from
-- `activity` and are recomputed for what was marked as stale (sidecar/plugins/clickhouse/second_rollups.py, docs/adr/0042).

-- How long each answer took, for exact quantiles of short ranges and states of long ones. Under which name each persona and story was
-- chosen last: its time in 20 digits, then the name, so that the greatest text is the newest.
ALTER TABLE ${database}.activity
    ADD COLUMN IF NOT EXISTS answer_durations Array(Float64),
    ADD COLUMN IF NOT EXISTS persona_names Map(LowCardinality(String), String),
    ADD COLUMN IF NOT EXISTS story_names Map(LowCardinality(String), String);

-- `activity` in the order of time, so that a quarter of an hour is recomputed without reading those beside it. A view fills it.
CREATE TABLE IF NOT EXISTS ${database}.activity_by_slot (
    user_id String,
    slot DateTime('UTC') CODEC(Delta, ZSTD(1)),
    bot LowCardinality(String),
    computed_at DateTime64(6, 'UTC'),
    first_ts DateTime64(3, 'UTC'),
    last_ts DateTime64(3, 'UTC'),
    events UInt32, messages UInt32, bot_messages UInt32, answers UInt32, answer_failures UInt32, pictures UInt32,
    picture_failures UInt32, refreshes UInt32, commands UInt32, starts UInt32, persona_choices UInt32, story_choices UInt32,
    clears UInt32, continues UInt32, other_actions UInt32, own_edits UInt32, bot_edits UInt32, deletions UInt32,
    reactions UInt32, votes UInt32, offers UInt32, invoices UInt32, payments UInt32, first_payments UInt32, renewals UInt32,
    refunds UInt32, refusals UInt32, cancellations UInt32, blocks UInt32, unblocks UInt32, failures UInt32,
    amounts_left_out UInt32, durations_left_out UInt32, tokens_left_out UInt32, timed_answers UInt32,
    stars Float64, input_tokens UInt64, output_tokens UInt64,
    personas Map(LowCardinality(String), UInt32),
    stories Map(LowCardinality(String), UInt32),
    command_counts Map(LowCardinality(String), UInt32),
    custom_counts Map(LowCardinality(String), UInt32),
    revenue Map(LowCardinality(String), Int64),
    revenue_units Map(LowCardinality(String), Float64),
    answer_durations Array(Float64),
    persona_names Map(LowCardinality(String), String),
    story_names Map(LowCardinality(String), String)
) ENGINE = ReplacingMergeTree(computed_at)
PARTITION BY toYYYYMM(slot)
ORDER BY (slot, bot, user_id)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.fill_activity_by_slot TO ${database}.activity_by_slot AS
SELECT
    user_id, slot, bot, computed_at, first_ts, last_ts, events, messages, bot_messages, answers, answer_failures, pictures,
    picture_failures, refreshes, commands, starts, persona_choices, story_choices, clears, continues, other_actions,
    own_edits, bot_edits, deletions, reactions, votes, offers, invoices, payments, first_payments, renewals, refunds,
    refusals, cancellations, blocks, unblocks, failures, amounts_left_out, durations_left_out, tokens_left_out,
    timed_answers, stars, input_tokens, output_tokens, personas, stories, command_counts, custom_counts, revenue,
    revenue_units, answer_durations, persona_names, story_names
FROM ${database}.activity;

-- A number for each person, from 1 on without holes, so that a set of people is a bitmap.
CREATE TABLE IF NOT EXISTS ${database}.person_numbers (
    user_id String,
    number UInt32,
    assigned_at DateTime64(6, 'UTC') DEFAULT now64(6)
) ENGINE = ReplacingMergeTree(assigned_at)
ORDER BY user_id
SETTINGS non_replicated_deduplication_window = 10000;

-- Sums over all people of a bot, for each quarter of an hour and for each day in UTC (`grain`). Sets of people: who did something
-- themselves, and who took which step of the funnel. A row of which nothing is left has no events.
CREATE TABLE IF NOT EXISTS ${database}.figures (
    grain Enum8('slot' = 1, 'day' = 2),
    at DateTime('UTC'),
    bot LowCardinality(String),
    computed_at DateTime64(6, 'UTC'),
    first_ts DateTime64(3, 'UTC'),
    last_ts DateTime64(3, 'UTC'),
    events UInt64, messages UInt64, bot_messages UInt64, answers UInt64, answer_failures UInt64, pictures UInt64,
    picture_failures UInt64, refreshes UInt64, commands UInt64, starts UInt64, persona_choices UInt64, story_choices UInt64,
    clears UInt64, continues UInt64, other_actions UInt64, own_edits UInt64, bot_edits UInt64, deletions UInt64,
    reactions UInt64, votes UInt64, offers UInt64, invoices UInt64, payments UInt64, first_payments UInt64, renewals UInt64,
    refunds UInt64, refusals UInt64, cancellations UInt64, blocks UInt64, unblocks UInt64, failures UInt64,
    amounts_left_out UInt64, durations_left_out UInt64, tokens_left_out UInt64, timed_answers UInt64,
    stars Float64, input_tokens UInt64, output_tokens UInt64,
    revenue Map(String, Int128),
    revenue_units Map(String, Float64),
    people AggregateFunction(groupBitmap, UInt32),
    step_start AggregateFunction(groupBitmap, UInt32),
    step_persona AggregateFunction(groupBitmap, UInt32),
    step_story AggregateFunction(groupBitmap, UInt32),
    step_answer AggregateFunction(groupBitmap, UInt32),
    step_paid AggregateFunction(groupBitmap, UInt32),
    answer_times AggregateFunction(quantilesBFloat16Array(0.5, 0.95), Array(Float64))
) ENGINE = ReplacingMergeTree(computed_at)
PARTITION BY toYYYYMM(at)
ORDER BY (grain, at, bot)
SETTINGS non_replicated_deduplication_window = 10000, index_granularity = 1024;

-- How often each persona and story was written in, each command sent and each custom event happened, and with whom; grains as above.
CREATE TABLE IF NOT EXISTS ${database}.choices (
    grain Enum8('slot' = 1, 'day' = 2),
    at DateTime('UTC'),
    bot LowCardinality(String),
    kind Enum8('personas' = 1, 'stories' = 2, 'command_counts' = 3, 'custom_counts' = 4),
    key String,
    computed_at DateTime64(6, 'UTC'),
    total UInt64,
    name String,
    people AggregateFunction(groupBitmap, UInt32)
) ENGINE = ReplacingMergeTree(computed_at)
PARTITION BY toYYYYMM(at)
ORDER BY (grain, at, bot, kind, key)
SETTINGS non_replicated_deduplication_window = 10000, index_granularity = 1024;

-- What each person is and has done over all time: with each bot, and with all of them together (`of_all`).
CREATE TABLE IF NOT EXISTS ${database}.people (
    of_all Bool,
    bot LowCardinality(String),
    user_id String,
    number UInt32,
    computed_at DateTime64(6, 'UTC'),
    events UInt64,
    first_ts DateTime64(3, 'UTC'),
    last_ts DateTime64(3, 'UTC'),
    last_own_ts DateTime64(3, 'UTC'),
    first_own_slot DateTime('UTC'), -- 1970: none with a believable time
    user_name String,
    username String,
    language_code LowCardinality(String),
    is_premium Bool,
    persona_id LowCardinality(String),
    story_id LowCardinality(String),
    last_block_event LowCardinality(String),
    messages UInt64, bot_messages UInt64, answers UInt64, pictures UInt64, refreshes UInt64, clears UInt64, commands UInt64,
    sessions UInt64, payments UInt64, failures UInt64, amounts_left_out UInt64,
    stars Float64,
    revenue Map(String, Int128),
    revenue_units Map(String, Float64),
    custom_counts Map(String, UInt64)
) ENGINE = ReplacingMergeTree(computed_at)
ORDER BY (of_all, bot, user_id)
SETTINGS non_replicated_deduplication_window = 10000, index_granularity = 512;

-- Rows with answers and choices are computed anew, for the new columns; the rest is filled from `activity` before the sidecar is ready.
INSERT INTO ${database}.stale_activity (user_id, slot, bot, marked_at)
SELECT user_id, slot, bot, now64(6) FROM ${database}.activity 
WHERE timed_answers > 0 AND empty(answer_durations) OR persona_choices > 0 AND empty(persona_names) OR story_choices > 0 AND empty(story_names);
