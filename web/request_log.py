"""Every request gets an id, which stands in its answer, in its error and in the log line that leaves out what is secret."""

import logging
import secrets
import time

from flask import Flask, Response, g, request

log = logging.getLogger("web.access")


def init_app(app: Flask) -> None:
    """Give requests ids and log each answer: method, path without its query, status, milliseconds."""
    app.before_request(_begin)
    app.after_request(_end)


def request_id() -> str:
    """The id of the current request; made here, never taken from outside, so that log lines cannot be forged."""
    if "request_id" not in g:
        g.request_id = secrets.token_hex(8)
    found = g.request_id
    assert isinstance(found, str)
    return found


def _begin() -> None:
    g.started = time.perf_counter()
    request_id()


def _end(response: Response) -> Response:
    response.headers["X-Request-Id"] = request_id()
    elapsed = (time.perf_counter() - g.get("started", time.perf_counter())) * 1000
    # ascii(): a path may hold line breaks or terminal codes
    log.info(
        "%s %s %s %.0fms %s", request.method, ascii(request.path)[1:-1], response.status_code, elapsed, request_id()
    )
    return response
