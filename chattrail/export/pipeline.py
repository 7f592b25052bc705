"""Makes a tracker that sends to an OpenTelemetry collector, from arguments and variables.

The standard OTEL_EXPORTER_OTLP_* variables work as they do for any OpenTelemetry program; arguments win over them.
"""

import os
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from opentelemetry.sdk.resources import Resource
from opentelemetry.util.re import parse_env_headers

from chattrail.export.otel import LogRecordExporter, limit_exporter_logs
from chattrail.export.processor import CountingBatchProcessor, Limits, WhenFull
from chattrail.export.sequence_file import SequenceFile
from chattrail.export.transport import ExporterTransport, HttpTransport, Transport
from chattrail.ids import InstanceId
from chattrail.privacy import Privacy
from chattrail.record import BeforeSend
from chattrail.tracker import Tracker

PROTOCOLS = ("http/protobuf", "grpc")
_PATH = "/v1/logs"
_MAX_TIMEOUT_S = 600
_DEFAULT_ENDPOINTS = {"http/protobuf": f"http://localhost:4318{_PATH}", "grpc": "http://localhost:4317"}


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
    state: a folder of the bot's own that outlives it, for some bytes a process: the next process to start with it reports what
    a killed one had not sent. A fault of it is logged and costs no event. Unset: such losses are not seen.
    exporter: any exporter of the SDK instead of OTLP, for tests.
    """
    privacy = Privacy(message_text, hash_user_ids_with)
    instance = InstanceId()
    sequence_file = None if state is None else SequenceFile(Path(state), service_name, instance)
    sink = CountingBatchProcessor(
        partial(_resource, service_name, service_version, environment, instance),
        lambda: ExporterTransport(exporter) if exporter else connect(endpoint, protocol, headers),
        limits,
        when_full,
        sequence_file,
    )
    write_number = None if sequence_file is None else sequence_file.write_number
    return Tracker(sink, privacy=privacy, before_send=before_send, write_number=write_number)


def connect(endpoint: str | None, protocol: str | None, headers: Mapping[str, str] | None) -> Transport:
    """Return the transport to the collector. Nothing is sent yet, so a collector that is away is no error."""
    limit_exporter_logs()
    protocol_from = "protocol" if protocol else _name("PROTOCOL")
    protocol = protocol or _variable("PROTOCOL") or PROTOCOLS[0]
    if protocol not in PROTOCOLS:
        raise ValueError(f"{protocol_from} is {protocol!r}; it can be {' or '.join(PROTOCOLS)}")
    limits = _limits(protocol)
    url = _endpoint(endpoint, protocol)
    from_variable = parse_env_headers(_variable("HEADERS"), liberal=True)
    sent = {**from_variable, **{name.lower(): value for name, value in (headers or {}).items()}}
    if protocol == "http/protobuf":
        return HttpTransport(url, sent, *limits)
    try:
        from chattrail.export.grpc import GrpcTransport
    except ImportError as error:
        raise ValueError(f"{protocol_from} is 'grpc', which needs pip install 'chattrail[grpc]'") from error
    return GrpcTransport(url, sent, *limits)


def _name(setting: str) -> str:
    logs = f"OTEL_EXPORTER_OTLP_LOGS_{setting}"
    return logs if os.environ.get(logs) else f"OTEL_EXPORTER_OTLP_{setting}"


def _variable(setting: str) -> str:
    return os.environ.get(_name(setting), "").strip()


def _endpoint(given: str | None, protocol: str) -> str:
    name, endpoint = ("endpoint", given) if given else (_name("ENDPOINT"), _variable("ENDPOINT"))
    if not endpoint:
        return _DEFAULT_ENDPOINTS[protocol]
    parts = urlsplit(endpoint)
    bare = protocol == "grpc" and "://" not in endpoint  # gRPC's own spelling, host:port
    if not bare and (parts.scheme not in ("http", "https") or not parts.netloc):
        raise ValueError(f"{name} is no URL of a collector; it looks like http://127.0.0.1:4318")
    if protocol == "grpc" or name == "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT":  # the latter is a whole URL
        return endpoint
    base = endpoint.rstrip("/")
    return base if given and base.endswith(_PATH) else base + _PATH


def _limits(protocol: str) -> tuple[float, str]:
    """Return the time limit in seconds and the name of the compression."""
    timeout, compression = _variable("TIMEOUT") or "10", (_variable("COMPRESSION") or "none").lower()
    if not re.fullmatch(r"\d+(\.\d*)?", timeout) or not float(timeout):
        raise ValueError(f"{_name('TIMEOUT')} is {timeout!r}; it is a number of seconds above 0, such as 10")
    if float(timeout) > _MAX_TIMEOUT_S:
        raise ValueError(
            f"{_name('TIMEOUT')} is {timeout}: Python's OpenTelemetry takes it in seconds, and more than "
            f"{_MAX_TIMEOUT_S} would stop delivery; if it is meant in milliseconds, write {float(timeout) / 1000:g}"
        )
    known = ("gzip", "none") if protocol == "grpc" else ("gzip", "deflate", "none")
    if compression not in known:
        raise ValueError(f"{_name('COMPRESSION')} is {compression!r}; for {protocol} it can be {', '.join(known)}")
    return float(timeout), compression


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
