#!/usr/bin/env bash
# OpenTelemetry SDK for Python 1.45.2: a log record's attributes are copied when it is emitted, its body is not.
#
# Logger.emit(body=…, attributes=…) takes the same kinds of values for both. Attributes are copied, lists in them become
# tuples. The body stays the caller's own object until another thread encodes it, a second later by default: what the
# program changes in a dict after it has logged it is in the record that was sent before. A program that logs a state
# that lives on (a chat's, a session's) gets a log of later states, as it depends on when the batch went out.
#
# Source: LogRecord in opentelemetry/_logs/_internal/__init__.py and ReadWriteLogRecord in
# opentelemetry/sdk/_logs/_internal/__init__.py (BoundedAttributes for attributes, nothing for the body).
# Why events are attributes with an empty body, made plain when they are tracked: chattrail/sanitize.py,
# chattrail/export/logrecord.py.
#
# Output seen (one dict was passed as both, and changed after emit):
#   attributes {'steps': ('start',)}
#   body       {'steps': ['start', 'paid'], 'refunded': True}
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check opentelemetry-sdk==1.45.2
"$folder/venv/bin/python" - <<'PYTHON'
import sys

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, InMemoryLogRecordExporter

exporter, provider = InMemoryLogRecordExporter(), LoggerProvider()
provider.add_log_record_processor(BatchLogRecordProcessor(exporter, schedule_delay_millis=600_000))
state = {"steps": ["start"]}
provider.get_logger("finding").emit(body=state, attributes=state)
state["steps"].append("paid")
state["refunded"] = True
provider.force_flush()
record = exporter.get_finished_logs()[0].log_record
print("attributes", dict(record.attributes))
print("body      ", record.body)
sys.exit(not (dict(record.attributes) == {"steps": ("start",)} and record.body == state))
PYTHON
