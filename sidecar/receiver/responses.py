"""What the receiver answers, in the encoding of the request, exactly as OTLP/HTTP says.

Source: OpenTelemetry Protocol specification, "OTLP/HTTP Response". Senders repeat a request after 429, 502, 503 and 504 only;
any other error makes them drop the batch, so 500 must never be sent.
"""

import json
import math
import random
from collections.abc import Callable, Mapping

from aiohttp import web
from google.protobuf.json_format import MessageToDict
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

from sidecar.errors import listed

PROTOBUF = "application/x-protobuf"
JSON = "application/json"

# google.rpc.Code by HTTP status, as googleapis' code.proto maps them
_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 413: 3, 415: 3, 429: 8, 503: 14}


SHORTEST_WAIT_S, LONGEST_WAIT_S = 1, 60
SPREAD = 0.5


class RefusedError(Exception):
    """Ends a request with an error answer. `after` is in seconds and becomes Retry-After."""

    def __init__(self, status: int, message: str, *, after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.after = after


def stored(content_type: str, rejected: Mapping[str, int]) -> web.Response:
    """Everything in the request is durable; what is so as dead letters only, by reason, is said in `partial_success`.

    No sender repeats a request for that: the specification forbids it. Without dead letters it stays unset.
    """
    answer = ExportLogsServiceResponse()
    if rejected:
        answer.partial_success.rejected_log_records = sum(rejected.values())
        answer.partial_success.error_message = f"kept in the table dead_letters, in no figure: {listed(rejected)}"
    if content_type == JSON:
        return web.Response(body=json.dumps(MessageToDict(answer)).encode(), content_type=JSON)
    return web.Response(body=answer.SerializeToString(), content_type=PROTOBUF)


def refused(content_type: str, refusal: RefusedError) -> web.Response:
    """An error as google.rpc.Status; JSON for a sender whose encoding is not known, since people read it."""
    code = _CODES.get(refusal.status, 2)
    if content_type == PROTOBUF:
        body = Status(code=code, message=refusal.message).SerializeToString()
    else:
        body = json.dumps({"code": code, "message": refusal.message}).encode()
    headers = {}
    if refusal.after is not None:
        headers["Retry-After"] = str(retry_after(refusal.after))
    if refusal.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="chattrail sidecar"'
    return web.Response(
        status=refusal.status,
        body=body,
        headers=headers,
        content_type=PROTOBUF if content_type == PROTOBUF else JSON,
    )


def retry_after(seconds: float, draw: Callable[[], float] = random.random) -> int:
    """Seconds for Retry-After: not fewer than asked for, up to half as many more, so that senders don't return at once.

    `draw` gives a number from 0 to 1. Up to a minute is asked for; even the shortest wait is spread over two seconds.
    """
    asked = min(max(seconds, SHORTEST_WAIT_S), LONGEST_WAIT_S / (1 + SPREAD))
    drawn = draw()
    return min(max(math.ceil(asked), math.floor(asked * (1 + SPREAD * drawn) + drawn)), LONGEST_WAIT_S)
