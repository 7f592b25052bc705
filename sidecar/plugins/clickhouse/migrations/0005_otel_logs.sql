-- Events and other logs under the column names of the OpenTelemetry Collector's ClickHouse exporter, as Grafana's ClickHouse
-- data source expects them in its OTel mode. TimestampTime left the exporter in 0.151 and older dashboards still ask for it.
CREATE VIEW IF NOT EXISTS ${database}.otel_logs AS
SELECT
    ts AS Timestamp,
    toDateTime(ts, 'UTC') AS TimestampTime,
    lower(hex(trace_id)) AS TraceId,
    lower(hex(span_id)) AS SpanId,
    toUInt8(flags % 256) AS TraceFlags,
    severity_text AS SeverityText,
    toUInt8(severity_number) AS SeverityNumber,
    service_name AS ServiceName,
    body AS Body,
    resource_schema_url AS ResourceSchemaUrl,
    resource_attributes AS ResourceAttributes,
    scope_schema_url AS ScopeSchemaUrl,
    scope_name AS ScopeName,
    scope_version AS ScopeVersion,
    scope_attributes AS ScopeAttributes,
    attributes AS LogAttributes,
    event_name AS EventName
FROM ${database}.events FINAL
UNION ALL
SELECT
    ts, toDateTime(ts, 'UTC'), lower(hex(trace_id)), lower(hex(span_id)), toUInt8(flags % 256), severity_text,
    toUInt8(severity_number), service_name, body, resource_schema_url, resource_attributes, scope_schema_url, scope_name,
    scope_version, scope_attributes, attributes, event_name
FROM ${database}.logs;
