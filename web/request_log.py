"""Every request has an id, in its response, its error page and its log line, which holds no secrets."""

import logging
import secrets
import time

from flask import Response, g, request

log = logging.getLogger("web.access")


def request_id() -> str:
    """The id of the current request; made here, never taken from outside, so that log lines cannot be forged."""
    return str(g.setdefault("request_id", secrets.token_hex(8)))


def begin() -> None:
    """Note when the request came."""
    g.started = time.perf_counter()


def end(response: Response) -> Response:
    """Give the response its id and log it: method, path without its query, status, milliseconds."""
    response.headers["X-Request-Id"] = request_id()
    now = time.perf_counter()
    elapsed_ms = (now - g.get("started", now)) * 1000
    path = ascii(request.path)[1:-1]  # it may hold line breaks or terminal codes
    log.info("%s %s %s %.0fms %s", request.method, path, response.status_code, elapsed_ms, request_id())
    return response
