-- Counts of `activity_by_slot` and `figures` as one array each. A statement costs what the analysis of its columns costs: adding up one
-- array of 37 counts takes a fraction of what 37 sums take, for each round of the rollup and for each page. `activity_by_slot` has what
-- follows from one row of `activity` alone: which steps of the funnel it has, which numbers no sum may take, its choices as one list.
-- Both are filled from `activity` once more, before the sidecar is ready.
DROP VIEW IF EXISTS ${database}.fill_activity_by_slot SYNC;
DROP TABLE IF EXISTS ${database}.activity_by_slot SYNC;
DROP TABLE IF EXISTS ${database}.figures SYNC;

CREATE TABLE IF NOT EXISTS ${database}.activity_by_slot (
    user_id String,
    slot DateTime('UTC') CODEC(Delta, ZSTD(1)),
    bot LowCardinality(String),
    computed_at DateTime64(6, 'UTC'),
    first_ts DateTime64(3, 'UTC'),
    last_ts DateTime64(3, 'UTC'),
    counts Array(UInt64) CODEC(ZSTD(1)), -- in the order of the columns of `figures`
    steps UInt8, -- bits: did something themselves, started, chose a persona, chose a story, was answered, paid
    stars Float64,
    revenue Map(String, Int128),
    revenue_units Map(String, Float64),
    answer_durations Array(Float64),
    choices Array(Tuple(kind LowCardinality(String), key String, total UInt32, name String))
) ENGINE = ReplacingMergeTree(computed_at)
PARTITION BY toYYYYMM(slot)
ORDER BY (slot, bot, user_id)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.fill_activity_by_slot TO ${database}.activity_by_slot AS
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
        arrayMap((k, v) -> ('stories', toString(k), toUInt32(0), v), mapKeys(story_names), mapValues(story_names))) AS choices
FROM ${database}.activity AS a;

-- As in 0017_second_rollups.sql. The counts have names to be read by.
CREATE TABLE IF NOT EXISTS ${database}.figures (
    grain Enum8('slot' = 1, 'day' = 2),
    at DateTime('UTC'),
    bot LowCardinality(String),
    computed_at DateTime64(6, 'UTC'),
    first_ts DateTime64(3, 'UTC'),
    last_ts DateTime64(3, 'UTC'),
    counts Array(UInt64),
    stars Float64,
    revenue Map(String, Int128),
    revenue_units Map(String, Float64),
    people AggregateFunction(groupBitmap, UInt32),
    step_start AggregateFunction(groupBitmap, UInt32),
    step_persona AggregateFunction(groupBitmap, UInt32),
    step_story AggregateFunction(groupBitmap, UInt32),
    step_answer AggregateFunction(groupBitmap, UInt32),
    step_paid AggregateFunction(groupBitmap, UInt32),
    answer_times AggregateFunction(quantilesBFloat16Array(0.5, 0.95), Array(Float64)),
    events UInt64 ALIAS counts[1], messages UInt64 ALIAS counts[2], bot_messages UInt64 ALIAS counts[3],
    answers UInt64 ALIAS counts[4], answer_failures UInt64 ALIAS counts[5], pictures UInt64 ALIAS counts[6],
    picture_failures UInt64 ALIAS counts[7], refreshes UInt64 ALIAS counts[8], commands UInt64 ALIAS counts[9],
    starts UInt64 ALIAS counts[10], persona_choices UInt64 ALIAS counts[11], story_choices UInt64 ALIAS counts[12],
    clears UInt64 ALIAS counts[13], continues UInt64 ALIAS counts[14], other_actions UInt64 ALIAS counts[15],
    own_edits UInt64 ALIAS counts[16], bot_edits UInt64 ALIAS counts[17], deletions UInt64 ALIAS counts[18],
    reactions UInt64 ALIAS counts[19], votes UInt64 ALIAS counts[20], offers UInt64 ALIAS counts[21],
    invoices UInt64 ALIAS counts[22], payments UInt64 ALIAS counts[23], first_payments UInt64 ALIAS counts[24],
    renewals UInt64 ALIAS counts[25], refunds UInt64 ALIAS counts[26], refusals UInt64 ALIAS counts[27],
    cancellations UInt64 ALIAS counts[28], blocks UInt64 ALIAS counts[29], unblocks UInt64 ALIAS counts[30],
    failures UInt64 ALIAS counts[31], amounts_left_out UInt64 ALIAS counts[32], durations_left_out UInt64 ALIAS counts[33],
    tokens_left_out UInt64 ALIAS counts[34], timed_answers UInt64 ALIAS counts[35], input_tokens UInt64 ALIAS counts[36],
    output_tokens UInt64 ALIAS counts[37]
) ENGINE = ReplacingMergeTree(computed_at)
PARTITION BY toYYYYMM(at)
ORDER BY (grain, at, bot)
SETTINGS non_replicated_deduplication_window = 10000, index_granularity = 1024;

-- The fill begins anew.
INSERT INTO ${database}.rollup_progress (pass, reached, until, month, user_id, slot) VALUES ('fill', 0, 0, 0, '', 0);
