#!/usr/bin/env bash
# OpenTelemetry SDK for Python 1.45.2: BatchLogRecordProcessor does not look at what the exporter returns, nor at the
# time limit of force_flush.
#
# An exporter says LogRecordExportResult.FAILURE when a batch has not arrived. The processor has taken the batch from
# its queue by then, throws it away, and force_flush returns True, as it does after a success: a collector that restarts
# costs the records of that moment, and nothing but the exporter's own log says so. The interface promises "False if the
# timeout is exceeded": force_flush(100) waits as long as the exporter takes and then returns True.
# export_timeout_millis is not used either.
#
# Source: BatchProcessor._export and force_flush in opentelemetry/sdk/_shared_internal/__init__.py, which names
# upstream's issues 4555 and 4568; LogRecordProcessor.force_flush in opentelemetry/sdk/_logs/_internal/__init__.py is
# the promise.
# Why the library has a processor of its own: docs/adr/0009-own-batch-processor.md, chattrail/export/processor.py.
#
# Output seen:
#   force_flush after a failed export: True, batches seen by the exporter: [3]
#   force_flush once more: True, batches seen by the exporter: [3]
#   force_flush(100) after 2 s of a slow export: still waiting; in the end: True
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check opentelemetry-sdk==1.45.2
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import threading

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter, LogRecordExportResult


class Exporter(LogRecordExporter):
    def __init__(self):
        self.batches, self.result, self.may_return = [], LogRecordExportResult.FAILURE, threading.Event()
        self.may_return.set()

    def export(self, batch):
        self.may_return.wait()
        self.batches.append(len(batch))
        return self.result

    def force_flush(self, timeout_millis=10_000):
        return True

    def shutdown(self):
        pass


exporter, provider = Exporter(), LoggerProvider()
provider.add_log_record_processor(BatchLogRecordProcessor(exporter, schedule_delay_millis=600_000))
logger = provider.get_logger("finding")
for _ in range(3):
    logger.emit(body="a record")
first = provider.force_flush(1000)
print(f"force_flush after a failed export: {first}, batches seen by the exporter: {exporter.batches}")
exporter.result = LogRecordExportResult.SUCCESS
second = provider.force_flush(1000)
print(f"force_flush once more: {second}, batches seen by the exporter: {exporter.batches}")
lost = first is True and exporter.batches == [3]

exporter.may_return.clear()
logger.emit(body="a record")
returned = []
thread = threading.Thread(target=lambda: returned.append(provider.force_flush(100)))
thread.start()
thread.join(2)
waiting = thread.is_alive()
exporter.may_return.set()
thread.join()
print(f"force_flush(100) after 2 s of a slow export: {'still waiting' if waiting else 'back'}; in the end: {returned[0]}")
sys.exit(not (lost and waiting and returned == [True]))
PYTHON
