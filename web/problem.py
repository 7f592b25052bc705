"""Errors: application/problem+json (RFC 9457) under /api, the page error.html elsewhere, each with its request id.

Neither holds a stack trace, a query or a message text.
"""

import logging
import sqlite3
from typing import NotRequired

from flask import Flask, Response, json, render_template, request
from markupsafe import escape
from typing_extensions import TypedDict  # pydantic reads that of `typing` from Python 3.12 on only
from werkzeug.exceptions import HTTPException

from common.error_location import error_location
from web.errors import ClickHouseUnavailableError, ProblemError
from web.request_log import request_id

log = logging.getLogger("web")
TYPE = "urn:chattrail:problem:"
HEADERS_KEPT = ("Allow", "Location", "Retry-After")


class ProblemBody(TypedDict):
    """An error as RFC 9457 describes it. `type` is to be compared, `detail` to be read; `request_id` is found in the log.

    `parameter` is the one at fault, `position` the character in it, counted from 1.
    """

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    parameter: NotRequired[str]
    position: NotRequired[int]


def init_app(app: Flask) -> None:
    """Turn every exception into one form of response."""
    app.register_error_handler(ProblemError, respond)
    app.register_error_handler(ClickHouseUnavailableError, _clickhouse_unavailable)
    app.register_error_handler(sqlite3.Error, _sign_in_unavailable)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def respond(problem: ProblemError) -> Response:
    """Render a problem: JSON under /api, a page elsewhere."""
    if request.path.startswith("/api/"):
        body: ProblemBody = {
            "type": TYPE + problem.kind,
            "title": problem.title,
            "status": problem.status,
            "detail": problem.detail,
            "request_id": request_id(),
        }
        if problem.parameter:
            body["parameter"] = problem.parameter
        if problem.position:
            body["position"] = problem.position
        response = Response(json.dumps(body), problem.status, mimetype="application/problem+json")
    else:
        response = Response(_page(problem), problem.status, mimetype="text/html")
    response.headers.update(problem.headers)
    return response


def _page(problem: ProblemError) -> str:
    try:
        return render_template("error.html", problem=problem, request_id=request_id())
    except Exception as error:  # the error page must not fail with the fault it reports: its assets may not be built
        log.error("the error page cannot be shown: %s %s", type(error).__qualname__, request_id())
        return f"<!doctype html><title>{problem.title}</title><p>{escape(problem.detail)}</p><p>{request_id()}</p>"


def _clickhouse_unavailable(error: ClickHouseUnavailableError) -> Response:
    log.error("%s %s", error, request_id())
    return respond(error)


def _sign_in_unavailable(error: sqlite3.Error) -> Response:
    log.error("the sign-in database in CHATTRAIL_WEB_DATA failed: %s %s", error, request_id())
    detail = "The sign-in database cannot be used. The log says why; it lies in CHATTRAIL_WEB_DATA."
    return respond(ProblemError(503, detail, kind="sign-in-unavailable", headers={"Retry-After": "5"}))


def _http(error: HTTPException) -> Response:
    if error.code is None or error.code < 400:
        return Response(error.get_response().get_data(), error.code or 200, dict(error.get_response().headers))
    headers = {name: value for name, value in error.get_headers() if name in HEADERS_KEPT}
    return respond(ProblemError(error.code, error.description or "", headers=headers))


def _unexpected(error: Exception) -> Response:
    # the message of an unforeseen exception may hold anything, even a chat's text: only its class and location are logged
    log.error("unexpected %s at %s %s", type(error).__qualname__, error_location(error), request_id())
    return respond(ProblemError(500, "Something failed here that should not. The log has this request id."))
