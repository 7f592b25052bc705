-- Bots, and what other bots send: plain messages, edits, reactions, custom events, prices in any currency.

-- `bot` is Telegram's id of the bot, or the service's name where the event has none. `action` and `side` are what the attribute of the
-- event's type says, where it has one. `minor_units` is a price in the smallest units of its currency: -1 where none was sent,
-- -2 for one that no price can be. All are defaults, so that they hold for events that came before.
ALTER TABLE ${database}.events
    ADD COLUMN IF NOT EXISTS bot LowCardinality(String)
        DEFAULT if(attributes['telegram.bot.id'] != '', attributes['telegram.bot.id'], service_name),
    ADD COLUMN IF NOT EXISTS side LowCardinality(String) DEFAULT attributes['chattrail.side'],
    ADD COLUMN IF NOT EXISTS action LowCardinality(String) DEFAULT multiIf(
        type = 'poll', attributes['chattrail.poll.action'], type = 'chat_action', attributes['chattrail.chat.action'],
        type = 'reaction', attributes['chattrail.reaction.emoji'], ''),
    ADD COLUMN IF NOT EXISTS custom_name LowCardinality(String) DEFAULT attributes['chattrail.custom.name'],
    ADD COLUMN IF NOT EXISTS subscription LowCardinality(String) DEFAULT attributes['chattrail.premium.subscription'],
    ADD COLUMN IF NOT EXISTS minor_units Int64 DEFAULT multiIf(
        attributes['chattrail.premium.minor_units'] = '', -1,
        ifNull(toInt64OrNull(attributes['chattrail.premium.minor_units']) BETWEEN 0 AND 1000000000000, false),
        toInt64OrZero(attributes['chattrail.premium.minor_units']), -2);

-- A view keeps the columns that there were when it was made.
CREATE OR REPLACE VIEW ${database}.shown_events AS
SELECT * FROM ${database}.events FINAL WHERE ts != toDateTime64(0, 9, 'UTC')
UNION ALL
SELECT * REPLACE (e.received_at::DateTime64(9, 'UTC') AS ts) FROM ${database}.events AS e FINAL WHERE e.ts = toDateTime64(0, 9, 'UTC');

-- Which bots each service has had. One has a few rows; doubles change nothing.
CREATE TABLE IF NOT EXISTS ${database}.bots (
    service_name LowCardinality(String),
    bot_id String,
    username AggregateFunction(argMax, String, DateTime64(3, 'UTC')),
    last_ts SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
) ENGINE = AggregatingMergeTree
ORDER BY (service_name, bot_id)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.fill_bots TO ${database}.bots AS
WITH
    attributes['telegram.bot.username'] AS called,
    if(ts_source = 'unknown', received_at, toDateTime64(ts, 3, 'UTC')) AS shown
SELECT
    service_name,
    attributes['telegram.bot.id'] AS bot_id,
    argMaxState(called, if(called != '', shown, toDateTime64(0, 3, 'UTC'))) AS username,
    max(shown) AS last_ts
FROM ${database}.events
GROUP BY service_name, bot_id;

INSERT INTO ${database}.bots
WITH
    attributes['telegram.bot.username'] AS called,
    if(ts_source = 'unknown', received_at, toDateTime64(ts, 3, 'UTC')) AS shown
SELECT
    service_name,
    attributes['telegram.bot.id'] AS bot_id,
    argMaxState(called, if(called != '', shown, toDateTime64(0, 3, 'UTC'))),
    max(shown)
FROM ${database}.events
GROUP BY service_name, bot_id;

-- The person's plain messages of the bot, what each side changed, prices by currency. `revenue` is what was sent in smallest units,
-- `revenue_units` what was sent in units alone: paid less refunded. `other_actions` are the person's own actions that no other column counts.
ALTER TABLE ${database}.activity
    ADD COLUMN IF NOT EXISTS bot LowCardinality(String) AFTER slot,
    ADD COLUMN IF NOT EXISTS bot_messages UInt32,
    ADD COLUMN IF NOT EXISTS own_edits UInt32,
    ADD COLUMN IF NOT EXISTS bot_edits UInt32,
    ADD COLUMN IF NOT EXISTS deletions UInt32,
    ADD COLUMN IF NOT EXISTS reactions UInt32,
    ADD COLUMN IF NOT EXISTS votes UInt32,
    ADD COLUMN IF NOT EXISTS other_actions UInt32,
    ADD COLUMN IF NOT EXISTS custom_counts Map(LowCardinality(String), UInt32),
    ADD COLUMN IF NOT EXISTS refusals UInt32,
    ADD COLUMN IF NOT EXISTS cancellations UInt32,
    ADD COLUMN IF NOT EXISTS first_payments UInt32,
    ADD COLUMN IF NOT EXISTS renewals UInt32,
    ADD COLUMN IF NOT EXISTS revenue Map(LowCardinality(String), Int64),
    ADD COLUMN IF NOT EXISTS revenue_units Map(LowCardinality(String), Float64),
    MODIFY ORDER BY (user_id, slot, bot);

ALTER TABLE ${database}.stale_activity
    ADD COLUMN IF NOT EXISTS bot LowCardinality(String) AFTER slot,
    MODIFY ORDER BY (toYYYYMM(slot), user_id, slot, bot);

ALTER TABLE ${database}.mark_stale_activity MODIFY QUERY
SELECT user_id, toStartOfFifteenMinutes(ts) AS slot, bot, now64(6) AS marked_at
FROM ${database}.events
GROUP BY user_id, slot, bot;

-- Rows that were computed for all bots together stand under the bot ''. The rollup recomputes them piece by piece, saves how far it
-- has come, and leaves an empty row of that bot, which it deletes in the end (sidecar/plugins/clickhouse/empty_rows.py). Until a
-- row's turn its figures are in the sums over all bots, and in none of a single one.
INSERT INTO ${database}.stale_activity (user_id, slot, marked_at)
SELECT user_id, slot, now64(6) FROM ${database}.activity WHERE bot = '';
