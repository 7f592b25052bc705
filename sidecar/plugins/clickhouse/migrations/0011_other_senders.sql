-- Other senders' records: names in attributes, bodies as plain JSON, keys that are indexes, records without any time.

-- The type of `otlp_in` as this release writes it: a key's index into a dictionary, and plain JSON of nested bodies.
ALTER TABLE ${database}.otlp_in MODIFY COLUMN resource_logs ${resource_logs};

-- `name` is what the record is called: its event name, or for an SDK older than that field the attribute that stood for it.
ALTER TABLE ${database}.records
    ADD COLUMN IF NOT EXISTS name LowCardinality(String),
    ADD COLUMN IF NOT EXISTS body_json String;
ALTER TABLE ${database}.events ADD COLUMN IF NOT EXISTS body_json String CODEC(ZSTD(1));
ALTER TABLE ${database}.logs
    ADD COLUMN IF NOT EXISTS name LowCardinality(String) DEFAULT event_name,
    ADD COLUMN IF NOT EXISTS body_json String CODEC(ZSTD(1));

ALTER TABLE ${database}.spread_records MODIFY QUERY
WITH
    arrayFilter(kv -> kv.key != '${image_bytes}', r.attributes) AS kept,
    arrayMap(v -> ${value_text}, arrayPushBack(kept.value, r.body)) AS texts,
    ((keys, indexes) -> arrayMap((k, n) -> ${key_text}, keys, indexes)::Array(LowCardinality(String))) AS key_texts
SELECT
    r.time_unix_nano AS time_unix_nano,
    r.observed_time_unix_nano AS observed_time_unix_nano,
    r.event_name AS event_name,
    multiIf(r.event_name != '', r.event_name, attributes['otel.event.name'] != '', attributes['otel.event.name'],
        attributes['event.name']) AS name,
    r.severity_number AS severity_number,
    r.severity_text AS severity_text,
    texts[-1] AS body,
    r.body.value AS body_type,
    r.body_json AS body_json,
    mapFromArrays(key_texts(kept.key, kept.key_strindex), arrayPopBack(texts)) AS attributes,
    kept.value.value AS attribute_types,
    r.dropped_attributes_count AS dropped_attributes_count,
    r.flags AS flags,
    r.trace_id AS trace_id,
    r.span_id AS span_id,
    s.scope.name AS scope_name,
    s.scope.version AS scope_version,
    mapFromArrays(key_texts(s.scope.attributes.key, s.scope.attributes.key_strindex), pair_texts[2]) AS scope_attributes,
    s.scope.attributes.value.value AS scope_attribute_types,
    s.scope.dropped_attributes_count AS scope_dropped_attributes_count,
    s.schema_url AS scope_schema_url,
    mapFromArrays(key_texts(l.resource.attributes.key, l.resource.attributes.key_strindex), pair_texts[1]) AS resource_attributes,
    l.resource.attributes.value.value AS resource_attribute_types,
    l.resource.dropped_attributes_count AS resource_dropped_attributes_count,
    l.resource.entity_refs AS resource_entity_refs,
    l.schema_url AS resource_schema_url
FROM (
    SELECT
        l, s,
        arrayMap(values -> arrayMap(v -> ${value_text}, values), [l.resource.attributes.value, s.scope.attributes.value]) AS pair_texts,
        arrayJoin(s.log_records) AS r
    FROM (
        SELECT l, arrayJoin(l.scope_logs) AS s
        FROM (SELECT arrayJoin(resource_logs) AS l FROM ${database}.otlp_in)
    )
);

-- The sink has already turned away those without a usable event.id, and those that need a person and have none.
ALTER TABLE ${database}.fill_events MODIFY QUERY
WITH
    attributes AS a,
    (n -> n >= 1420070400000000000 AND n < 4102444800000000000) AS plausible,
    toUUIDOrZero(a['event.id']) AS id,
    toUnixTimestamp64Milli(UUIDv7ToDateTime(id)) * 1000000 AS id_nano,
    substring(toString(id), 15, 1) = '7' AND plausible(id_nano) AS has_id_time
SELECT
    id AS event_id,
    substring(name, 11) AS type,
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
    time_unix_nano, observed_time_unix_nano, event_name, severity_number, severity_text, body, body_type, body_json,
    attributes, attribute_types, dropped_attributes_count, flags, trace_id, span_id,
    scope_name, scope_version, scope_attributes, scope_attribute_types, scope_dropped_attributes_count, scope_schema_url,
    resource_attributes, resource_attribute_types, resource_dropped_attributes_count, resource_entity_refs, resource_schema_url
FROM ${database}.records
WHERE startsWith(name, 'chattrail.');

ALTER TABLE ${database}.fill_logs MODIFY QUERY
WITH (n -> n >= 1420070400000000000 AND n < 4102444800000000000) AS plausible
SELECT
    fromUnixTimestamp64Nano(toInt64(multiIf(
        plausible(time_unix_nano), time_unix_nano, plausible(observed_time_unix_nano), observed_time_unix_nano,
        toUInt64(0))), 'UTC') AS ts,
    resource_attributes['service.name'] AS service_name,
    *
FROM ${database}.records
WHERE NOT startsWith(name, 'chattrail.');

ALTER TABLE ${database}.fill_process_ends MODIFY QUERY
WITH
    attributes AS a,
    (n -> n >= 1420070400000000000 AND n < 4102444800000000000) AS plausible,
    toUInt64OrZero(a['chattrail.process.reached']) AS number,
    fromUnixTimestamp64Milli(toInt64(intDiv(multiIf(
        plausible(time_unix_nano), time_unix_nano, plausible(observed_time_unix_nano), observed_time_unix_nano,
        toUInt64(0)), 1000000)), 'UTC') AS at
SELECT
    a['chattrail.process.service_name'] AS service_name,
    a['chattrail.process.instance_id'] AS instance_id,
    toUInt32(intDiv(number, 65536)) AS block,
    bitmapBuild(emptyArrayUInt32()) AS numbers,
    at AS first_ts,
    at AS last_ts,
    toUInt64OrZero(a['chattrail.dropped.queue_full']) AS queue_full,
    toUInt64OrZero(a['chattrail.dropped.refused']) AS refused,
    toUInt64OrZero(a['chattrail.dropped.failed']) AS failed,
    number AS reached,
    a['chattrail.process.cut_off'] = 'true' AS cut_off
FROM ${database}.records
WHERE name = 'chattrail_process.ended' AND instance_id != '' AND number BETWEEN 1 AND 1099511627775;

-- Events with the time at which they are shown. One without any time stands at 1970 in `events`, so that a resend is the same
-- row, and is shown at the time it was received; of one that came twice that is the later time. Parts of a union, so that the
-- table's partitions and key serve `ts`.
CREATE OR REPLACE VIEW ${database}.shown_events AS
SELECT * FROM ${database}.events FINAL WHERE ts != toDateTime64(0, 9, 'UTC')
UNION ALL
SELECT * REPLACE (e.received_at::DateTime64(9, 'UTC') AS ts) FROM ${database}.events AS e FINAL WHERE e.ts = toDateTime64(0, 9, 'UTC');

-- Arrays and key-value lists are plain JSON here, as the collector's exporter writes them; a container within one of an
-- attribute is kept undecoded, and so are those of bodies that were stored before this migration. What has no time at all
-- is shown at the time it was received, as above.
CREATE OR REPLACE VIEW ${database}.otel_logs AS
WITH
    ((names, types) -> mapFromArrays(mapKeys(names), arrayMap(
        (v, type) -> if(type IN ('array_value', 'kvlist_value'), ${plain_json}, v), mapValues(names), types))) AS plain,
    (v -> ${plain_json}) AS plain_body
SELECT
    shown AS Timestamp,
    toDateTime(shown, 'UTC') AS TimestampTime,
    lower(hex(trace_id)) AS TraceId,
    lower(hex(span_id)) AS SpanId,
    toUInt8(flags % 256) AS TraceFlags,
    severity_text AS SeverityText,
    toUInt8(severity_number) AS SeverityNumber,
    service_name AS ServiceName,
    multiIf(body_json != '', body_json, body_type IN ('array_value', 'kvlist_value'), plain_body(body), body) AS Body,
    resource_schema_url AS ResourceSchemaUrl,
    plain(resource_attributes, resource_attribute_types) AS ResourceAttributes,
    scope_schema_url AS ScopeSchemaUrl,
    scope_name AS ScopeName,
    scope_version AS ScopeVersion,
    plain(scope_attributes, scope_attribute_types) AS ScopeAttributes,
    plain(attributes, attribute_types) AS LogAttributes,
    called AS EventName
FROM (
    SELECT
        ts AS shown, concat('chattrail.', type) AS called, trace_id, span_id, flags, severity_text, severity_number,
        service_name, body, body_type, body_json, resource_schema_url, resource_attributes, resource_attribute_types,
        scope_schema_url, scope_name, scope_version, scope_attributes, scope_attribute_types, attributes, attribute_types
    FROM ${database}.shown_events
    UNION ALL
    SELECT
        ts, name, trace_id, span_id, flags, severity_text, severity_number, service_name, body, body_type, body_json,
        resource_schema_url, resource_attributes, resource_attribute_types, scope_schema_url, scope_name, scope_version,
        scope_attributes, scope_attribute_types, attributes, attribute_types
    FROM ${database}.logs WHERE ts != toDateTime64(0, 9, 'UTC')
    UNION ALL
    SELECT
        received_at::DateTime64(9, 'UTC'), name, trace_id, span_id, flags, severity_text, severity_number, service_name, body, body_type, body_json,
        resource_schema_url, resource_attributes, resource_attribute_types, scope_schema_url, scope_name, scope_version,
        scope_attributes, scope_attribute_types, attributes, attribute_types
    FROM ${database}.logs WHERE ts = toDateTime64(0, 9, 'UTC')
);
