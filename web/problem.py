"""Errors: application/problem+json (RFC 9457) under /api, the page error.html elsewhere, each with its request id.

Neither ever carries a stack trace, a query or a message text.
"""

import logging
import sqlite3
from collections.abc import Mapping
from http import HTTPStatus

from flask import Flask, Response, json, render_template, request
from markupsafe import escape
from werkzeug.exceptions import HTTPException

from web.analytics.queries import BadParameter
from web.analytics.store import StoreUnavailable, UnknownPerson
from web.request_log import request_id

log = logging.getLogger("web")
TYPE = "urn:chattrail:problem:"


class Problem(Exception):  # noqa: N818 - RFC 9457's word
    """An answer that is an error. `detail` is a sentence for the reader, `kind` the last part of the problem's type."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        kind: str | None = None,
        parameter: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.title = HTTPStatus(status).phrase
        self.kind = kind or self.title.lower().replace(" ", "-").replace("'", "")
        self.parameter = parameter
        self.headers = dict(headers or {})


def init_app(app: Flask) -> None:
    """Turn every exception into one shape of answer."""
    app.register_error_handler(Problem, answer)
    app.register_error_handler(BadParameter, _bad_parameter)
    app.register_error_handler(UnknownPerson, _unknown_person)
    app.register_error_handler(StoreUnavailable, _unavailable)
    app.register_error_handler(sqlite3.Error, _sign_in_unavailable)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def answer(problem: Problem) -> Response:
    """Render a problem for whoever asked: JSON under /api, a page elsewhere."""
    if request.path.startswith("/api/"):
        body = {
            "type": TYPE + problem.kind,
            "title": problem.title,
            "status": problem.status,
            "detail": problem.detail,
            "request_id": request_id(),
        }
        if problem.parameter:
            body["parameter"] = problem.parameter
        response = Response(json.dumps(body), problem.status, mimetype="application/problem+json")
    else:
        response = Response(_page(problem), problem.status, mimetype="text/html")
    response.headers.update(problem.headers)
    return response


def _page(problem: Problem) -> str:
    try:
        return render_template("error.html", problem=problem, request_id=request_id())
    except Exception as error:  # the page that tells of a fault must not fail with it: its assets may not be built
        log.error("the error page cannot be shown: %s %s", type(error).__qualname__, request_id())
        return f"<!doctype html><title>{problem.title}</title><p>{escape(problem.detail)}</p><p>{request_id()}</p>"


def _bad_parameter(error: BadParameter) -> Response:
    return answer(Problem(400, f"Parameter {error}.", kind="bad-parameter", parameter=error.name))


def _unknown_person(_: UnknownPerson) -> Response:
    return answer(Problem(404, "No event of this person is stored.", kind="unknown-person"))


def _unavailable(error: StoreUnavailable) -> Response:
    log.error("%s %s", error, request_id())
    retry = {"Retry-After": str(error.retry_after)}
    return answer(Problem(503, str(error), kind="store-unavailable", headers=retry))


def _sign_in_unavailable(error: sqlite3.Error) -> Response:
    log.error("the sign-in database in CHATTRAIL_WEB_DATA failed: %s %s", error, request_id())
    detail = "The sign-in database cannot be used. The log says why; it lies in CHATTRAIL_WEB_DATA."
    return answer(Problem(503, detail, kind="sign-in-unavailable", headers={"Retry-After": "5"}))


def _http(error: HTTPException) -> Response:
    if error.code is None or error.code < 400:
        return Response(error.get_response().get_data(), error.code or 200, dict(error.get_response().headers))
    kept = ("Allow", "Location", "Retry-After")
    headers = {name: value for name, value in error.get_headers() if name in kept}
    return answer(Problem(error.code, error.description or "", headers=headers))


def _unexpected(error: Exception) -> Response:
    # the message of an unforeseen exception may hold anything, a chat's text included: log its kind and place only
    log.error("unexpected %s at %s %s", type(error).__qualname__, place_of(error), request_id())
    return answer(Problem(500, "Something failed here that should not. The log has this request id."))


def place_of(error: Exception) -> str:
    """File and line that raised an exception."""
    where = error.__traceback__
    while where and where.tb_next:
        where = where.tb_next
    return f"{where.tb_frame.f_code.co_filename}:{where.tb_lineno}" if where else "?"
