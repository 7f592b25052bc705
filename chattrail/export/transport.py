"""Delivers batches over OTLP, and tells apart what the SDK's exporters call by one name: FAILURE.

The SDK's exporters encode, compress, authenticate and retry for a few seconds; what they do not tell is *why* they gave
up, and it decides whether a batch is kept or given up too. This is the only module that looks inside them.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any, Protocol

from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogExporter
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult

from chattrail.rate_limited_log import Periodic

LONGEST_AFTER_S = 600.0  # a peer may ask for more; nobody is left waiting for ever


class Answer(Enum):
    """What became of a batch."""

    ACCEPTED = auto()
    LATER = auto()  # nobody there, too busy, no answer in time: keep it
    REFUSED = auto()  # these records, or this many of them
    DENIED = auto()  # any records: wrong token, wrong path


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer and, for people, its reason."""

    answer: Answer
    reason: str = ""
    after: float = 0.0  # seconds that the peer asked to be left alone for


class Delivery(Protocol):
    """Sends batches to one place."""

    target: str

    def send(self, batch: Sequence[ReadableLogRecord]) -> Reply:
        """Send once (an exporter may retry for its time limit). An exception means REFUSED."""

    def close(self) -> None:
        """Break off what is under way and let go of the connection."""


class PlainDelivery:
    """Delivers through any exporter of the SDK; a failure is final, as nothing is known of it."""

    def __init__(self, exporter: LogRecordExporter) -> None:
        self._exporter = exporter
        self.target = type(exporter).__name__

    def send(self, batch: Sequence[ReadableLogRecord]) -> Reply:
        """Export once."""
        if self._exporter.export(batch) is LogRecordExportResult.SUCCESS:
            return Reply(Answer.ACCEPTED)
        return Reply(Answer.DENIED, "the exporter failed")

    def close(self) -> None:
        """Shut the exporter down."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


class _Listening:
    """Stands before the SDK's transport and remembers of the last answer how long it asked to wait, and if it was a web page.

    The SDK waits for as long itself when that is within its own time limit; when not, it gives up at once.
    """

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self.after = 0.0
        self.is_page = False

    def request(self, *args: Any, **options: Any) -> Any:
        """Send a request and look at the answer."""
        self.after, self.is_page = 0.0, False
        result = self._transport.request(*args, **options)
        self.is_page = str(result.headers().get("content-type", "")).lower().startswith("text/html")
        with suppress(ValueError):  # a date, which no collector sends: then the pauses grow as without one
            self.after = min(max(0.0, float(result.headers().get("retry-after", 0))), LONGEST_AFTER_S)
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def is_taken(status: int, *, is_page: bool) -> bool:
    """Whether an answer means that an OTLP receiver has the records: 2xx, with a body or without.

    A redirection is not followed, and 200 with a web page comes from a login page or another server at that address.
    """
    return 200 <= status < 300 and not is_page


class CheckedClient:
    """Stands before an SDK exporter's client, to which 308 is success (findings/otel-http-exporter-redirect-is-success.sh)."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._transport = client._transport = _Listening(client._transport)
        self._notices = Periodic(logging.getLogger(__name__))

    def export(self, data: bytes) -> Any:
        """Send, and call a failure what did not arrive."""
        result = self._client.export(data)
        if not result.success or is_taken(result.status_code, is_page=self._transport.is_page):
            return result
        what = "a web page" if self._transport.is_page else f"HTTP {result.status_code}"
        self._notices.warning("an OTLP endpoint answers with %s: it takes no telemetry; check its address", what)
        return replace(result, success=False, reason=what)

    def shutdown(self) -> None:
        """Shut the client down."""
        self._client.shutdown()


class HttpDelivery:
    """Delivers by OTLP/HTTP (protobuf)."""

    _BUSY = frozenset({429, 502, 503, 504})
    _DATA = frozenset({400, 413, 422})

    def __init__(self, *, endpoint: str | None = None, headers: Mapping[str, str] | None = None) -> None:
        self._exporter = exporter = HttpLogExporter(endpoint, headers=headers)
        self.target = without_secrets(exporter._endpoint)
        self._client = exporter._client
        self._transport = _Listening(self._client._transport)
        self._client._transport = self._transport  # type: ignore[assignment]
        exporter._client = self  # type: ignore[assignment]  # stands in for it: `export` and `shutdown` are all it calls
        self._reply = Reply(Answer.REFUSED)

    def send(self, batch: Sequence[ReadableLogRecord]) -> Reply:
        """Export; the reply is the one that the client saw last."""
        self._reply = Reply(Answer.REFUSED, "it could not be encoded, or is larger than one request may be")
        self._exporter.export(batch)
        return self._reply

    def export(self, data: bytes) -> Any:
        """Take the exporter's call to its client."""
        result = self._client.export(data)
        status = result.status_code
        if status is None:
            reason = type(result.error).__name__ if result.error is not None else "no answer in time"
            self._reply = Reply(Answer.LATER, reason)
        elif is_taken(status, is_page=self._transport.is_page):
            self._reply = Reply(Answer.ACCEPTED)
        elif status in self._BUSY:
            self._reply = Reply(Answer.LATER, f"HTTP {status}", self._transport.after)
        elif status in self._DATA:
            self._reply = Reply(Answer.REFUSED, f"HTTP {status}")
        else:
            what = "a web page" if self._transport.is_page else f"HTTP {status}"
            self._reply = Reply(Answer.DENIED, f"{what}; check the endpoint and its headers")
        return result

    def shutdown(self) -> None:
        """Take the exporter's call to its client."""
        self._client.shutdown()

    def close(self) -> None:
        """End waits between retries and close the connections."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


def without_secrets(endpoint: str) -> str:
    """Return an endpoint without user, password and query, fit for a log."""
    scheme, separator, rest = endpoint.rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}".partition("?")[0]


_SPEAKERS = (  # the loggers of the SDK's exporters, by name: the gRPC one need not be loaded
    HttpLogExporter.__module__,
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",  # a sidecar's own metrics
    "opentelemetry.exporter.otlp.proto.grpc._log_exporter",
    "opentelemetry.exporter.otlp.proto.grpc.exporter",
)


class _OncePerMinute(logging.Filter):
    """Lets each message of the SDK's exporters through once a minute: while a collector is away they speak at every try."""

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        now = time.monotonic()
        key = str(record.msg)
        if now - self._told.get(key, float("-inf")) < 60:
            return False
        self._told[key] = now
        return True


def quieten_exporters() -> None:
    """Keep the SDK's exporters from flooding the bot's log. May be called again."""
    for name in _SPEAKERS:
        logger = logging.getLogger(name)
        if not any(isinstance(known, _OncePerMinute) for known in logger.filters):
            logger.addFilter(_OncePerMinute())
