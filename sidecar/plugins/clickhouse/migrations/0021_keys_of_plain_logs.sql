-- A key for each plain log: the SHA-256 of the request it came with and its place there. So a record is one row whatever insert
-- it came with, and requests with plain logs can be put together (docs/adr/0049-keys-of-plain-logs.md).
CREATE TABLE IF NOT EXISTS ${database}.logs ( -- the columns of `unkeyed_logs` in their order, then the key
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
    resource_schema_url LowCardinality(String),
    name LowCardinality(String) DEFAULT event_name,
    body_json String CODEC(ZSTD(1)),
    -- random where a sidecar of a version before inserts: such rows are known by the token of their insert
    request FixedString(32) DEFAULT randomFixedString(32) CODEC(ZSTD(1)),
    place UInt32 CODEC(Delta, ZSTD(1))
) ENGINE = ReplacingMergeTree(received_at)
PARTITION BY toYYYYMM(ts)
ORDER BY (service_name, ts, request, place)
SETTINGS non_replicated_deduplication_window = 10000, vertical_merge_algorithm_min_rows_to_activate = 1,
    vertical_merge_algorithm_min_columns_to_activate = 1, merge_selector_base = 15;

-- The type of `otlp_in` as this release writes it: a record's key beside the record.
ALTER TABLE ${database}.otlp_in MODIFY COLUMN resource_logs ${resource_logs};
ALTER TABLE ${database}.records ADD COLUMN IF NOT EXISTS request String, ADD COLUMN IF NOT EXISTS place UInt32;

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
    r.request AS request,
    r.place AS place,
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

-- A record without a key comes by a sidecar of a version before, as above.
ALTER TABLE ${database}.fill_logs MODIFY QUERY
WITH (n -> n >= 1420070400000000000 AND n < 4102444800000000000) AS plausible
SELECT
    fromUnixTimestamp64Nano(toInt64(multiIf(
        plausible(time_unix_nano), time_unix_nano, plausible(observed_time_unix_nano), observed_time_unix_nano,
        toUInt64(0))), 'UTC') AS ts,
    resource_attributes['service.name'] AS service_name,
    * REPLACE (if(length(request) = 32, request, randomString(32)) AS request)
FROM ${database}.records
WHERE NOT startsWith(name, 'chattrail.');

-- The plain logs to read: each once, and those from before there were keys. What has no time at all is shown at the time it was received.
CREATE OR REPLACE VIEW ${database}.shown_logs AS
SELECT * EXCEPT (request, place) FROM ${database}.logs FINAL WHERE ts != toDateTime64(0, 9, 'UTC')
UNION ALL
SELECT * EXCEPT (request, place) REPLACE (l.received_at::DateTime64(9, 'UTC') AS ts)
FROM ${database}.logs AS l FINAL WHERE l.ts = toDateTime64(0, 9, 'UTC')
UNION ALL
SELECT * FROM ${database}.unkeyed_logs WHERE ts != toDateTime64(0, 9, 'UTC')
UNION ALL
SELECT * REPLACE (l.received_at::DateTime64(9, 'UTC') AS ts) FROM ${database}.unkeyed_logs AS l WHERE l.ts = toDateTime64(0, 9, 'UTC');

-- As in 0011_other_senders.sql.
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
    FROM ${database}.shown_logs
);
