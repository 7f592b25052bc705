"""Sends batches over OTLP, and distinguishes what the SDK's exporters report as one FAILURE.

The SDK's exporters authenticate and retry for a few seconds. They do not report *why* they gave up, which decides whether a
batch is kept. Over HTTP, a `requests.Session` of ours sees each response, and puts the batch into each request, as we encode it
(`export/encode.py` says why); over gRPC, see `export/grpc.py`.
"""

import gzip
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from typing import Any, Protocol

import requests

from chattrail.export.logrecord import LogRecords
from chattrail.export.otel import LogRecordExporter, LogRecordExportResult, http_exporter
from chattrail.rate_limited_log import RateLimitedLog

MAX_RETRY_AFTER_S = 600.0  # a peer may ask for more; no batch waits for ever


class ExportStatus(Enum):
    """The outcome of an export."""

    ACCEPTED = auto()
    RETRYABLE = auto()  # nobody listens, too busy, no response in time: keep the batch
    REJECTED = auto()  # these records, or this many of them
    DENIED = auto()  # any records: wrong token, wrong path


@dataclass(frozen=True, slots=True)
class ExportResult:
    """A status, and its reason for people."""

    status: ExportStatus
    reason: str = ""
    retry_after: float = 0.0  # seconds that the peer asks to wait


class Transport(Protocol):
    """Sends batches to one endpoint."""

    target: str
    takes_bytes: bool  # records that are encoded already

    def send(self, batch: LogRecords) -> ExportResult:
        """Send once (an exporter may retry for its time limit). An exception means REJECTED."""

    def close(self) -> None:
        """Abort the current export and close the connection."""


class ExporterTransport:
    """Sends through any exporter of the SDK; a failure is final, as nothing is known of it."""

    takes_bytes = False

    def __init__(self, exporter: LogRecordExporter) -> None:
        self._exporter = exporter
        self.target = type(exporter).__name__

    def send(self, batch: LogRecords) -> ExportResult:
        """Export once."""
        if self._exporter.export(batch) is LogRecordExportResult.SUCCESS:
            return ExportResult(ExportStatus.ACCEPTED)
        return ExportResult(ExportStatus.DENIED, "the exporter failed")

    def close(self) -> None:
        """Shut the exporter down."""
        self._exporter.shutdown()


_RETRYABLE = frozenset({429, 502, 503, 504})
_REJECTED = frozenset({400, 413, 422})


class OtlpSession(requests.Session):
    """The HTTP session of one of the SDK's exporters. `result` is the outcome of the last request.

    The SDK takes 3xx for success (findings/otel-http-exporter-redirect-is-success.sh). Only 2xx is, and not a web page, which
    comes from a login page or from another server at the address. A page, and a redirection, reach the SDK as 404.
    """

    def __init__(self, log: RateLimitedLog | None = None) -> None:
        super().__init__()
        self._log = log
        self.result = ExportResult(ExportStatus.RETRYABLE)
        self.content: bytes | None = None  # of the next requests, instead of what they are given
        self._last: tuple[object, requests.PreparedRequest] | None = None
        self._settings: dict[str, dict[str, Any]] = {}

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """Prepare a request; like the last one but for its body, as a rule, which costs half of the time."""
        alike = (request.method, request.url, dict(request.headers))
        if self._last is None or self._last[0] != alike or self.cookies:
            self._last = alike, super().prepare_request(request)
        else:
            self._last[1].prepare_body(request.data, None)
        return self._last[1]

    def merge_environment_settings(self, url: str, *settings: Any, **named: Any) -> dict[str, Any]:
        """Read the variables for proxies and certificates once for an address: it takes as long as all the rest."""
        if url not in self._settings:
            self._settings[url] = super().merge_environment_settings(url, *settings, **named)
        return dict(self._settings[url])

    def request(self, *args: Any, **options: Any) -> requests.Response:
        """Send a request and classify its response."""
        options["allow_redirects"] = False
        if self.content is not None:
            options["data"] = self.content
        try:
            response = super().request(*args, **options)
        except Exception as error:
            self.result = ExportResult(ExportStatus.RETRYABLE, type(error).__name__)
            raise
        self.result = _classify(response)
        if self.result.status is not ExportStatus.ACCEPTED and response.status_code < 400:
            if self._log is not None:
                self._log.warning("an OTLP endpoint answers with %s: it takes no telemetry", self.result.reason)
            response.status_code, response.reason = 404, self.result.reason
        return response


def _classify(response: requests.Response) -> ExportResult:
    status = response.status_code
    is_page = response.headers.get("content-type", "").lower().startswith("text/html")
    if 200 <= status < 300 and not is_page:  # with a body or without
        return ExportResult(ExportStatus.ACCEPTED)
    if status in _RETRYABLE:
        return ExportResult(ExportStatus.RETRYABLE, f"HTTP {status}", _retry_after(response))
    if status in _REJECTED:
        return ExportResult(ExportStatus.REJECTED, f"HTTP {status}")
    what = "a web page" if is_page else f"HTTP {status}"
    return ExportResult(ExportStatus.DENIED, f"{what}; check the endpoint and its headers")


def _retry_after(response: requests.Response) -> float:
    """Return the seconds to wait: RFC 9110 allows a number of them and a date, which is by the clock of the peer."""
    given, seconds = response.headers.get("retry-after", "0"), 0.0
    try:
        seconds = float(given)
    except ValueError:
        with suppress(ValueError, TypeError):  # what is neither: the pauses grow as without one
            its_clock = response.headers.get("date")
            now = parsedate_to_datetime(its_clock) if its_clock else datetime.now(UTC)
            seconds = (parsedate_to_datetime(given) - now).total_seconds()
    return min(max(0.0, seconds), MAX_RETRY_AFTER_S)


_COMPRESS: Mapping[str, Callable[[bytes], bytes]] = {"none": bytes, "gzip": gzip.compress, "deflate": zlib.compress}


class HttpTransport:
    """Sends over OTLP/HTTP (protobuf)."""

    takes_bytes = True

    def __init__(self, endpoint: str, headers: Mapping[str, str], timeout: float, compression: str) -> None:
        self._session = OtlpSession()
        self._compress = _COMPRESS[compression]
        self._exporter = http_exporter(endpoint, headers, timeout, compression, self._session)
        self.target = without_secrets(endpoint)

    def send(self, batch: LogRecords) -> ExportResult:
        """Export; the result is that of the last request."""
        self._session.content = self._compress(batch.encoded())
        self._session.result = ExportResult(ExportStatus.RETRYABLE, "no request was made")
        self._exporter.export(())
        return self._session.result

    def close(self) -> None:
        """End waits between retries and close the connections."""
        self._exporter.shutdown()


def without_secrets(endpoint: str) -> str:
    """Return an endpoint without user, password and query, fit for a log."""
    scheme, separator, rest = endpoint.rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}".partition("?")[0]
