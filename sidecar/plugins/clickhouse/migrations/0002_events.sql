-- Analytics events: the lossless record, and typed columns for what pages and figures need.
-- A doubled event has the same person, time and id, so FINAL and merges keep one of it.
-- `ts` is the event's own time when that is plausible (2015 to 2100); else the observed time, else the time inside the
-- UUIDv7 of the event, else 1970: each is a property of the record, so a resend gets the same `ts`. The original stays beside it.
CREATE TABLE IF NOT EXISTS ${database}.events (
    event_id UUID,
    type LowCardinality(String),
    ts DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    ts_source Enum8('event' = 1, 'observed' = 2, 'id' = 3, 'unknown' = 4),
    received_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD(1)),
    sequence UInt64 CODEC(Delta, ZSTD(1)),
    service_name LowCardinality(String),
    instance_id LowCardinality(String),
    user_id String,
    session_id String CODEC(ZSTD(1)),
    chat_id Int64,
    chat_type LowCardinality(String),
    update_id Int64 CODEC(Delta, ZSTD(1)),
    message_id Int64 CODEC(Delta, ZSTD(1)),
    username String CODEC(ZSTD(1)),
    user_name String CODEC(ZSTD(1)),
    language_code LowCardinality(String),
    is_premium Bool,
    persona_id LowCardinality(String),
    story_id LowCardinality(String),
    text String ALIAS attributes['chattrail.message.text'],
    kind LowCardinality(String),
    image_id String,
    command LowCardinality(String),
    premium_action LowCardinality(String),
    plan LowCardinality(String),
    amount Float64,
    currency LowCardinality(String),
    charge_id String,
    model LowCardinality(String),
    input_tokens UInt32,
    output_tokens UInt32,
    duration_ms Float64,
    error_type LowCardinality(String),
    -- the record as it came
    time_unix_nano UInt64 CODEC(Delta, ZSTD(1)),
    observed_time_unix_nano UInt64 CODEC(Delta, ZSTD(1)),
    event_name LowCardinality(String),
    severity_number Int32,
    severity_text LowCardinality(String),
    body String CODEC(ZSTD(1)),
    body_type ${type_enum},
    attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    attribute_types Array(${type_enum}) CODEC(ZSTD(1)),
    dropped_attributes_count UInt32,
    flags UInt32,
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    scope_name LowCardinality(String),
    scope_version LowCardinality(String),
    scope_attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    scope_attribute_types Array(${type_enum}) CODEC(ZSTD(1)),
    scope_dropped_attributes_count UInt32,
    scope_schema_url LowCardinality(String),
    resource_attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    resource_attribute_types Array(${type_enum}) CODEC(ZSTD(1)),
    resource_dropped_attributes_count UInt32,
    resource_entity_refs Array(String),
    resource_schema_url LowCardinality(String)
) ENGINE = ReplacingMergeTree(received_at)
PARTITION BY toYYYYMM(ts)
ORDER BY (user_id, ts, event_id)
SETTINGS non_replicated_deduplication_window = 10000;

-- Records named chattrail.<type> become events. The sink has already turned away those without a usable event.id.
CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.fill_events TO ${database}.events AS
WITH
    attributes AS a,
    (n -> n >= 1420070400000000000 AND n < 4102444800000000000) AS plausible,
    toUUIDOrZero(a['event.id']) AS id,
    toUnixTimestamp64Milli(UUIDv7ToDateTime(id)) * 1000000 AS id_nano,
    substring(toString(id), 15, 1) = '7' AND plausible(id_nano) AS has_id_time
SELECT
    id AS event_id,
    substring(event_name, 11) AS type,
    multiIf(plausible(time_unix_nano), 'event', plausible(observed_time_unix_nano), 'observed', has_id_time, 'id', 'unknown') AS ts_source,
    fromUnixTimestamp64Nano(toInt64(multiIf(
        ts_source = 'event', time_unix_nano, ts_source = 'observed', observed_time_unix_nano,
        ts_source = 'id', toUInt64(id_nano), toUInt64(0))), 'UTC') AS ts,
    toUInt64OrZero(a['event.sequence']) AS sequence,
    resource_attributes['service.name'] AS service_name,
    resource_attributes['service.instance.id'] AS instance_id,
    if(a['user.id'] != '', a['user.id'], a['user.hash']) AS user_id,
    a['session.id'] AS session_id,
    toInt64OrZero(a['telegram.chat.id']) AS chat_id,
    a['telegram.chat.type'] AS chat_type,
    toInt64OrZero(a['telegram.update.id']) AS update_id,
    toInt64OrZero(a['telegram.message.id']) AS message_id,
    a['telegram.user.username'] AS username,
    a['telegram.user.name'] AS user_name,
    a['telegram.user.language_code'] AS language_code,
    a['telegram.user.is_premium'] = 'true' AS is_premium,
    a['chattrail.persona.id'] AS persona_id,
    a['chattrail.story.id'] AS story_id,
    a['chattrail.message.kind'] AS kind,
    a['chattrail.image.id'] AS image_id,
    a['chattrail.command.name'] AS command,
    a['chattrail.premium.action'] AS premium_action,
    a['chattrail.premium.plan'] AS plan,
    ifNotFinite(toFloat64OrZero(a['chattrail.premium.amount']), 0) AS amount,
    a['chattrail.premium.currency'] AS currency,
    a['chattrail.premium.charge_id'] AS charge_id,
    if(a['gen_ai.response.model'] != '', a['gen_ai.response.model'], a['gen_ai.request.model']) AS model,
    toUInt32OrZero(a['gen_ai.usage.input_tokens']) AS input_tokens,
    toUInt32OrZero(a['gen_ai.usage.output_tokens']) AS output_tokens,
    ifNotFinite(toFloat64OrZero(
        if(a['chattrail.ai.duration_ms'] != '', a['chattrail.ai.duration_ms'], a['chattrail.image.duration_ms'])), 0) AS duration_ms,
    a['error.type'] AS error_type,
    time_unix_nano, observed_time_unix_nano, event_name, severity_number, severity_text, body, body_type,
    attributes, attribute_types, dropped_attributes_count, flags, trace_id, span_id,
    scope_name, scope_version, scope_attributes, scope_attribute_types, scope_dropped_attributes_count, scope_schema_url,
    resource_attributes, resource_attribute_types, resource_dropped_attributes_count, resource_entity_refs, resource_schema_url
FROM ${database}.records
WHERE startsWith(event_name, 'chattrail.');

-- Every other log record that arrives over OTLP is kept too, as it came.
CREATE TABLE IF NOT EXISTS ${database}.logs (
    ts DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    received_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD(1)),
    service_name LowCardinality(String),
    time_unix_nano UInt64 CODEC(Delta, ZSTD(1)),
    observed_time_unix_nano UInt64 CODEC(Delta, ZSTD(1)),
    event_name LowCardinality(String),
    severity_number Int32,
    severity_text LowCardinality(String),
    body String CODEC(ZSTD(1)),
    body_type ${type_enum},
    attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    attribute_types Array(${type_enum}) CODEC(ZSTD(1)),
    dropped_attributes_count UInt32,
    flags UInt32,
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    scope_name LowCardinality(String),
    scope_version LowCardinality(String),
    scope_attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    scope_attribute_types Array(${type_enum}) CODEC(ZSTD(1)),
    scope_dropped_attributes_count UInt32,
    scope_schema_url LowCardinality(String),
    resource_attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    resource_attribute_types Array(${type_enum}) CODEC(ZSTD(1)),
    resource_dropped_attributes_count UInt32,
    resource_entity_refs Array(String),
    resource_schema_url LowCardinality(String)
) ENGINE = MergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (service_name, ts)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.fill_logs TO ${database}.logs AS
WITH (n -> n >= 1420070400000000000 AND n < 4102444800000000000) AS plausible
SELECT
    fromUnixTimestamp64Nano(toInt64(multiIf(
        plausible(time_unix_nano), time_unix_nano, plausible(observed_time_unix_nano), observed_time_unix_nano,
        toUInt64(0))), 'UTC') AS ts,
    resource_attributes['service.name'] AS service_name,
    * 
FROM ${database}.records
WHERE NOT startsWith(event_name, 'chattrail.');
