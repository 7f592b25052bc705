// Events of docs/events.md by OpenTelemetry's JavaScript SDK. OTEL_EXPORTER_OTLP_ENDPOINT and _HEADERS say where to.
import { randomUUID } from 'node:crypto';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';

// A UUIDv7: the time in milliseconds, then randomness.
function uuid7(at) {
  const time = at.getTime().toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}

export function createTracker(service, exporter = new OTLPLogExporter()) {
  const resource = resourceFromAttributes({ 'service.name': service, 'service.instance.id': randomUUID() });
  const provider = new LoggerProvider({ resource, processors: [new BatchLogRecordProcessor({ exporter })] });
  const logger = provider.getLogger('chattrail');
  let sequence = 0;
  return {
    provider,
    // track('user_message', 1001, { 'chattrail.message.text': 'Hello!' })
    track(type, user, attributes = {}, at = new Date()) {
      const record = {
        eventName: `chattrail.${type}`,
        timestamp: at,
        body: '', // rotel's OTLP/JSON refuses a record without one
        attributes: { 'event.id': uuid7(at), 'event.sequence': ++sequence, 'user.id': String(user), ...attributes },
      };
      logger.emit(record);
      return record;
    },
    // Sends what is queued; call it before the process ends.
    shutdown: () => provider.shutdown(),
  };
}
