-- What the sidecar inserts: the body of an OTLP logs request, parsed by ClickHouse itself. Nothing is stored here.
CREATE TABLE IF NOT EXISTS ${database}.otlp_in (resource_logs ${resource_logs}) ENGINE = Null;

-- One row per log record with everything that OTLP carries; a Null table as well, from which the views below choose.
CREATE TABLE IF NOT EXISTS ${database}.records (
    time_unix_nano UInt64,
    observed_time_unix_nano UInt64,
    event_name LowCardinality(String),
    severity_number Int32,
    severity_text LowCardinality(String),
    body String,
    body_type ${type_enum},
    attributes Map(LowCardinality(String), String),
    attribute_types Array(${type_enum}),
    dropped_attributes_count UInt32,
    flags UInt32,
    trace_id String,
    span_id String,
    scope_name LowCardinality(String),
    scope_version LowCardinality(String),
    scope_attributes Map(LowCardinality(String), String),
    scope_attribute_types Array(${type_enum}),
    scope_dropped_attributes_count UInt32,
    scope_schema_url LowCardinality(String),
    resource_attributes Map(LowCardinality(String), String),
    resource_attribute_types Array(${type_enum}),
    resource_dropped_attributes_count UInt32,
    resource_entity_refs Array(String),
    resource_schema_url LowCardinality(String)
) ENGINE = Null;

-- Spreads a request into records. Values become text in two places only, once for resource and scope together and once for
-- the record's attributes and body together: the expression is long, and ClickHouse analyses it anew for every insert.
-- The bytes of a picture are left out: they are for the archiver, and the event names where the picture went.
CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.spread_records TO ${database}.records AS
WITH
    arrayFilter(kv -> kv.key != '${image_bytes}', r.attributes) AS kept,
    arrayMap(v -> ${value_text}, arrayPushBack(kept.value, r.body)) AS texts
SELECT
    r.time_unix_nano AS time_unix_nano,
    r.observed_time_unix_nano AS observed_time_unix_nano,
    r.event_name AS event_name,
    r.severity_number AS severity_number,
    r.severity_text AS severity_text,
    texts[-1] AS body,
    r.body.value AS body_type,
    mapFromArrays(kept.key::Array(LowCardinality(String)), arrayPopBack(texts)) AS attributes,
    kept.value.value AS attribute_types,
    r.dropped_attributes_count AS dropped_attributes_count,
    r.flags AS flags,
    r.trace_id AS trace_id,
    r.span_id AS span_id,
    s.scope.name AS scope_name,
    s.scope.version AS scope_version,
    mapFromArrays(s.scope.attributes.key::Array(LowCardinality(String)), pair_texts[2]) AS scope_attributes,
    s.scope.attributes.value.value AS scope_attribute_types,
    s.scope.dropped_attributes_count AS scope_dropped_attributes_count,
    s.schema_url AS scope_schema_url,
    mapFromArrays(l.resource.attributes.key::Array(LowCardinality(String)), pair_texts[1]) AS resource_attributes,
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
