// Sends events and other log records of every kind, and prints each as it was given to the SDK, one JSON object a line.
//   node send.mjs SERVICE http/json|http/protobuf|grpc ENDPOINT PEOPLE
import { ROOT_CONTEXT, SeverityNumber, TraceFlags, diag, trace } from '@opentelemetry/api';
import { OTLPLogExporter as Grpc } from '@opentelemetry/exporter-logs-otlp-grpc';
import { OTLPLogExporter as Json } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPLogExporter as Protobuf } from '@opentelemetry/exporter-logs-otlp-proto';
import { createTracker } from './chattrail.mjs';

const [service, protocol, endpoint, people] = process.argv.slice(2);
const Exporter = { 'http/json': Json, 'http/protobuf': Protobuf, grpc: Grpc }[protocol];
// What the SDK complains of, a failed export above all, must not pass unseen.
const complain = (...words) => { process.exitCode = 1; console.error(...words); };
diag.setLogger({ error: complain, warn: complain, info() {}, debug() {}, verbose() {} });

const tracker = createTracker(service, new Exporter({ url: protocol === 'grpc' ? endpoint : `${endpoint}/v1/logs` }));
const plain = tracker.provider.getLogger('express', '5.1.0');
const text = 'Привет 👋🏽 \u202Eevil \0 "quoted"\n𝔘𝔫𝔦𝔠𝔬𝔡𝔢';
const kinds = {
  string: text, empty: '', int: 42, zero: 0, negative: -7, large: Number.MAX_SAFE_INTEGER, small: Number.MIN_SAFE_INTEGER,
  double: 0.1, tiny: 5e-324, minus: -2.5, true: true, false: false, strings: ['a', '', text], ints: [1, -1], doubles: [0.5, 1.5],
  bools: [true, false], none: [], bytes: new Uint8Array([0, 127, 128, 255]), map: { a: 1, deep: { list: ['x', 2.5] } }, 'a key с пробелом': 1,
};
const spanContext = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: TraceFlags.SAMPLED };

const print = (scope, record, extra = {}) => console.log(JSON.stringify(
  { scope, ...record, ...extra, timestamp: hrTime(record.timestamp) },
  (_, value) => (value instanceof Uint8Array ? { $bytes: Buffer.from(value).toString('base64') } : value),
));
const hrTime = (time) => (Array.isArray(time) ? time : [Math.floor(time.getTime() / 1000), (time.getTime() % 1000) * 1e6]);
const track = (...event) => print(['chattrail', ''], tracker.track(...event));
const log = (record) => { plain.emit(record); print(['express', '5.1.0'], record); };

const now = Date.now();
for (let person = 1; person <= Number(people); person++) {
  const at = (seconds) => new Date(now - (3600 * person - seconds) * 1000);
  track('start_command', person, { 'chattrail.start.payload': 'summer_ad', 'chattrail.start.returning': false }, at(0));
  track('persona_selected', person, { 'chattrail.persona.id': 'luna', 'chattrail.persona.name': 'Луна' }, at(1));
  track('user_message', person, { 'chattrail.message.text': text, 'chattrail.message.kind': 'text' }, at(2.125));
  track('ai_message', person, { 'gen_ai.request.model': 'm', 'gen_ai.usage.input_tokens': 812, 'chattrail.ai.duration_ms': 1240.5 }, at(3));
  track('premium_action', person, { 'chattrail.premium.action': 'paid', 'chattrail.premium.amount': 250, 'chattrail.premium.currency': 'XTR' }, at(4));
  track('user_message', person, kinds, at(5));
  const exact = [Math.floor(now / 1000) - person, 123456789];
  log({ timestamp: exact, severityNumber: SeverityNumber.WARN2, severityText: 'warning', body: text, attributes: kinds });
  log({ timestamp: exact, eventName: 'http.request', body: { path: '/', took: 1.5, list: [1, 'a'] } });
  log({ timestamp: exact, body: new Uint8Array([1, 0, 255]) });
  log({ timestamp: exact, severityNumber: SeverityNumber.FATAL4, body: 7 });
  const context = trace.setSpanContext(ROOT_CONTEXT, spanContext);
  plain.emit({ timestamp: exact, body: true, context });
  print(['express', '5.1.0'], { timestamp: exact, body: true }, { spanContext });
}
await tracker.shutdown();
