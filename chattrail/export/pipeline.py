"""Sends records to an OpenTelemetry collector: the pipeline behind a tracker, and the settings that shape it.

The standard OTEL_EXPORTER_OTLP_* variables work as they do for any OpenTelemetry program; arguments win over them.
"""

import atexit
import os
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from opentelemetry.sdk._logs.export import LogRecordExporter
from opentelemetry.sdk.resources import Resource

from chattrail.export.processor import CountingBatchProcessor, Limits, WhenFull
from chattrail.export.sequence_file import HighWaterMark
from chattrail.export.transport import Delivery, HttpDelivery, PlainDelivery, quieten_exporters
from chattrail.ids import InstanceId
from chattrail.privacy import Privacy
from chattrail.record import BeforeSend, Counts, Record
from chattrail.tracker import Tracker

PROTOCOLS = ("http/protobuf", "grpc")
_PATH = "/v1/logs"


def create_tracker(
    service_name: str,
    *,
    service_version: str | None = None,
    environment: str | None = None,
    endpoint: str | None = None,
    protocol: str | None = None,
    headers: Mapping[str, str] | None = None,
    message_text: bool = True,
    hash_user_ids_with: bytes | None = None,
    before_send: BeforeSend | None = None,
    when_full: WhenFull = "drop_oldest",
    limits: Limits | None = None,
    state: str | os.PathLike[str] | None = None,
    exporter: LogRecordExporter | None = None,
) -> Tracker:
    """Return a tracker that exports to a collector. Raises ValueError, naming the setting, if one is wrong.

    endpoint: the collector's base URL ("http://127.0.0.1:4318"; unset: OTEL_EXPORTER_OTLP_*, else this machine).
    protocol: "http/protobuf" (default) or "grpc". headers: sent with every export, say an authorization.
    message_text: False keeps texts, prompts and exceptions' words out of the events; their lengths stay.
    hash_user_ids_with: a key of 16 bytes or more; people are then known by an HMAC of their id, and names are left out.
    before_send: called with each Record; returns it, changed or not, or None to withhold it. It must be quick.
    when_full: "drop_oldest", or "wait" for scripts that must lose nothing; a bot must never wait.
    state: a folder of the bot's own that outlives it, for some bytes a process: whoever starts next there reports what a killed
    process had not sent. A fault of it is logged and costs no event. Unset: such losses are not seen.
    exporter: any exporter of the SDK instead of OTLP, for tests.
    """
    privacy = Privacy(message_text, hash_user_ids_with)
    instance = InstanceId()
    high_water = None if state is None else HighWaterMark(Path(state), service_name, instance)
    sink = Pipeline(
        partial(_resource, service_name, service_version, environment, instance),
        lambda: PlainDelivery(exporter) if exporter else connect(endpoint, protocol, headers),
        limits,
        when_full,
        high_water,
    )
    reach = None if high_water is None else high_water.reach
    return Tracker(sink, privacy=privacy, before_send=before_send, reach=reach)


class Pipeline:
    """A tracker's sink: the queue, the thread and the exporter behind it."""

    def __init__(
        self,
        resource: Callable[[], Resource],
        connect: Callable[[], Delivery],
        limits: Limits | None,
        when_full: WhenFull,
        high_water: HighWaterMark | None = None,
    ) -> None:
        self._processor = CountingBatchProcessor(resource, connect, limits, when_full, high_water)
        self._enabled = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() != "true"
        atexit.register(self.shutdown)

    def emit(self, record: Record) -> None:
        """Queue a record."""
        if self._enabled:
            self._processor.put(record)

    def lose(self, reason: str) -> None:
        """Count an event as emitted and dropped."""
        if self._enabled:
            self._processor.lose(reason)

    def counts(self) -> Counts:
        """Tell how many events went where."""
        return self._processor.counts()

    def flush(self, timeout: float = 30.0) -> bool:
        """Wait until nothing is queued; False when the time was not enough."""
        return self._processor.flush(timeout)

    def shutdown(self, timeout: float = 5.0) -> bool:
        """Send what is queued within the time, count the rest; True when nothing was left."""
        atexit.unregister(self.shutdown)
        self._processor.shutdown(timeout)
        return "shutdown" not in self.counts().losses


def connect(endpoint: str | None, protocol: str | None, headers: Mapping[str, str] | None) -> Delivery:
    """Open the way to the collector. Nothing is sent yet, so a collector that is away is no error."""
    quieten_exporters()
    protocol_from = "protocol" if protocol else _name("PROTOCOL")
    protocol = protocol or _variable("PROTOCOL") or PROTOCOLS[0]
    if protocol not in PROTOCOLS:
        raise ValueError(f"{protocol_from} is {protocol!r}; it can be {' or '.join(PROTOCOLS)}")
    _check_limits(protocol)
    _check("endpoint" if endpoint else _name("ENDPOINT"), endpoint or _variable("ENDPOINT"), protocol)
    if protocol == "grpc":
        from chattrail.export.grpc import GrpcDelivery

        return GrpcDelivery(endpoint=endpoint, headers=headers, compression=(_variable("COMPRESSION") or "").lower())
    return HttpDelivery(endpoint=_logs_url(endpoint) if endpoint else None, headers=headers)


def _logs_url(endpoint: str) -> str:
    base = endpoint.rstrip("/")
    return base if base.endswith(_PATH) else base + _PATH


def _name(setting: str) -> str:
    logs = f"OTEL_EXPORTER_OTLP_LOGS_{setting}"
    return logs if os.environ.get(logs) else f"OTEL_EXPORTER_OTLP_{setting}"


def _variable(setting: str) -> str | None:
    return os.environ.get(_name(setting), "").strip() or None


def _check(name: str, endpoint: str | None, protocol: str) -> None:
    if endpoint is None:
        return
    parts = urlsplit(endpoint)
    bare = protocol == "grpc" and "://" not in endpoint  # gRPC's own spelling, host:port
    if not bare and (parts.scheme not in ("http", "https") or not parts.netloc):
        raise ValueError(f"{name} is no URL of a collector; it looks like http://127.0.0.1:4318")


def _check_limits(protocol: str) -> None:
    timeout, compression = _variable("TIMEOUT"), _variable("COMPRESSION")
    if timeout is not None and not re.fullmatch(r"\d+(\.\d*)?", timeout):
        raise ValueError(f"{_name('TIMEOUT')} is {timeout!r}; it is a number of seconds, such as 10")
    known = ("gzip", "none") if protocol == "grpc" else ("gzip", "deflate", "none")
    if compression is not None and compression.lower() not in known:
        raise ValueError(f"{_name('COMPRESSION')} is {compression!r}; for {protocol} it can be {', '.join(known)}")


def _resource(
    service_name: str, version: str | None, environment: str | None, instance_id: Callable[[], str]
) -> Resource:
    if not service_name:
        raise ValueError("service_name is empty; it tells the bot's events from those of other programs")
    given = {
        "service.name": service_name,
        "service.version": version,
        "deployment.environment.name": environment,
        "service.instance.id": instance_id(),
    }
    return Resource.create({name: value for name, value in given.items() if value is not None})
