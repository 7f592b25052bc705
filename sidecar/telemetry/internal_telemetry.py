"""The sidecar's own metrics and logs over OTLP, beside the text at /metrics. Off unless CHATTRAIL_SIDECAR_TELEMETRY_URL is set.

The SDK sends on threads of its own from a bounded queue, so a collector that is away costs records, never a batch. Only the
loggers below `sidecar` are sent: they hold no texts and no secrets, which can't be said of libraries. Of an exception its
class is sent, never its words. Headers, certificates and time limits come from the standard OTEL_EXPORTER_OTLP_* variables.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from typing import Any
from uuid import uuid4

from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExportResult
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from chattrail.export.otel import limit_exporter_logs
from chattrail.export.transport import ExportResult, ExportStatus, OtlpSession
from chattrail.rate_limited_log import RateLimitedLog
from common.error_location import error_location
from sidecar.telemetry import loop_guard
from sidecar.telemetry import metrics as telemetry
from sidecar.telemetry.metrics import DESCRIPTIONS, Metrics

SENT_LOGGERS = "sidecar"
QUEUE_RECORDS = 2048
RECORDS_PER_SECOND = 10
FLUSH_S = 1.0
FLUSH_TO_NOBODY_S = 0.5  # when the last attempt failed
LOOK_AGAIN_S = 0.02
_OTEL_NAMES = {"WARNING": "WARN", "CRITICAL": "FATAL"}


class InternalTelemetry:
    """Sends from construction on, until `end`."""

    def __init__(self, url: str, metrics: Metrics) -> None:
        """Begin to send to a collector's base URL; it need not be there."""
        limit_exporter_logs()
        base = url.rstrip("/")
        resource = Resource.create(
            {
                "service.name": loop_guard.SERVICE_NAME,
                "service.instance.id": str(uuid4()),
                "service.version": version("chattrail"),
            }
        )
        self._log_exporter = _LogExporter(f"{base}/v1/logs", metrics)
        self._logs = LoggerProvider(resource, shutdown_on_exit=False)
        self._logs.add_log_record_processor(
            BatchLogRecordProcessor(self._log_exporter, 1000, 512, 30_000, QUEUE_RECORDS)
        )
        self._metric_exporter = _MetricExporter(f"{base}/v1/metrics", metrics)
        reader = PeriodicExportingMetricReader(self._metric_exporter)
        self._meters = MeterProvider([reader], resource, shutdown_on_exit=False)
        self._metric_exporter.observe_with(self._meters.get_meter("sidecar"))
        self._handler = _Handler(self._logs, self._log_exporter, metrics)
        logging.getLogger(SENT_LOGGERS).addHandler(self._handler)

    def end(self, time_limit_s: float) -> None:
        """Send what is left within the limit, then let go of it. Blocks: call it on a thread."""
        logging.getLogger(SENT_LOGGERS).removeHandler(self._handler)
        patience = FLUSH_TO_NOBODY_S if self._log_exporter.failing else FLUSH_S
        until = time.monotonic() + min(time_limit_s, patience)
        exporters: tuple[_LogExporter | _MetricExporter, ...] = (self._log_exporter, self._metric_exporter)
        for exporter in exporters:
            exporter.session.result = ExportResult(ExportStatus.RETRYABLE)
        # the SDK's own shutdown may wait for half a minute: the threads are left to end with the process
        flushes = [_in_background(self._logs.shutdown), _in_background(self._meters.shutdown)]
        for flush, exporter in zip(flushes, exporters, strict=True):
            # one attempt: where a whole stack ends, the collector ended before the sidecar
            while flush.is_alive() and time.monotonic() < until and not exporter.session.result.reason:
                flush.join(LOOK_AGAIN_S)
            if flush.is_alive():
                exporter.shutdown()  # ends its waits between two attempts


def begin(url: str, metrics: Metrics, logger: logging.Logger) -> InternalTelemetry | None:
    """Begin to send; what prevents it is logged and never keeps the sidecar from starting."""
    try:
        return InternalTelemetry(url, metrics)
    except Exception as error:  # the SDK reads OTEL_* variables, which may hold anything
        where = error_location(error)
        logger.warning("own telemetry is off: %s at %s; check OTEL_* variables", type(error).__name__, where)
        return None


class _Handler(logging.Handler):
    """Queues log records for the exporter. Never waits; what it turns away is counted by reason."""

    def __init__(self, provider: LoggerProvider, exporter: "_LogExporter", metrics: Metrics) -> None:
        super().__init__()
        self._provider = provider
        self._exporter = exporter
        self._metrics = metrics
        self._cap = loop_guard.RateCap(RECORDS_PER_SECOND)
        self._queued = 0
        self._suppressed = 0

    def emit(self, record: logging.LogRecord) -> None:
        reason = self._reason_against()
        if reason:
            self._metrics.add(telemetry.OWN_LOGS, outcome=reason)
            self._suppressed += reason == "rate"
            return
        attributes: dict[str, str | int] = {}
        if self._suppressed:
            attributes["chattrail.log.suppressed"] = self._suppressed
        if record.exc_info and record.exc_info[0]:
            attributes["exception.type"] = record.exc_info[0].__name__
        try:
            self._provider.get_logger(record.name).emit(
                timestamp=int(record.created * 1e9),
                observed_timestamp=time.time_ns(),
                severity_number=SeverityNumber(min(record.levelno // 10, 5) * 4 + 1),  # DEBUG 5, INFO 9, … FATAL 21
                severity_text=_OTEL_NAMES.get(record.levelname, record.levelname),
                body=record.getMessage(),
                attributes=attributes,
            )
        except Exception:  # a message that doesn't fit its arguments: standard error shows it
            self._metrics.add(telemetry.OWN_LOGS, outcome="failed")
        else:
            self._queued += 1
            self._suppressed = 0

    def _reason_against(self) -> str:
        if loop_guard.is_on():
            return "loop"
        if not self._cap.admits():
            return "rate"
        # the SDK's queue would drop its oldest without a count
        return "full" if self._queued - self._exporter.settled >= QUEUE_RECORDS else ""


class _LogExporter(OTLPLogExporter):
    """Counts what became of the records, and logs nothing that would be sent out again."""

    def __init__(self, endpoint: str, metrics: Metrics) -> None:
        self.session = _session()
        super().__init__(endpoint, session=self.session)
        self._own_metrics = metrics
        self.settled = 0
        self.failing = False

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        with loop_guard.work():
            loop_guard.mark(True)
            result = super().export(batch)
        self.failing = result is not LogRecordExportResult.SUCCESS
        self.settled += len(batch)
        self._own_metrics.add(telemetry.OWN_LOGS, len(batch), outcome="failed" if self.failing else "exported")
        return result


class _MetricExporter(OTLPMetricExporter):
    """Sends every metric that the sidecar has a name for, and from their second export on those that plugins made up."""

    def __init__(self, endpoint: str, metrics: Metrics) -> None:
        self.session = _session()
        super().__init__(endpoint, session=self.session)
        self._own_metrics = metrics
        self._meter: Meter | None = None
        self._observed: set[str] = set()

    def observe_with(self, meter: Meter) -> None:
        """Make an instrument for every metric known by now."""
        self._meter = meter
        self._observe({*DESCRIPTIONS, *self._own_metrics.snapshot()})

    def export(
        self, metrics_data: MetricsData, timeout_millis: float | None = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        self._observe(set(self._own_metrics.snapshot()))
        return super().export(metrics_data, timeout_millis, **kwargs)

    def _observe(self, names: set[str]) -> None:
        if self._meter is None:
            return
        for name in sorted(names - self._observed):
            is_gauge = name in self._own_metrics.gauges
            create = self._meter.create_observable_gauge if is_gauge else self._meter.create_observable_counter
            create(name, [partial(_observations, name, self._own_metrics)], description=DESCRIPTIONS.get(name, ""))
            self._observed.add(name)


def _session() -> OtlpSession:
    return OtlpSession(
        RateLimitedLog(logging.getLogger("chattrail.export"))
    )  # not below `sidecar`: its lines are not sent


def _observations(name: str, metrics: Metrics, _options: CallbackOptions) -> list[Observation]:
    return [Observation(value, attributes) for attributes, value in metrics.snapshot().get(name, [])]


def _in_background(shutdown: Callable[[], None]) -> threading.Thread:
    def run() -> None:
        with suppress(Exception):  # the last export failed, and nobody waits for it
            shutdown()

    thread = threading.Thread(target=run, name="own telemetry ends", daemon=True)
    thread.start()
    return thread
