"""Conditional requests for figures: who has the newest state already gets a 304 for the price of one small query.

The tag of an answer is made of the state of the tables before anything else is read, so what is read later is never older than its
tag says. It is weak: times such as `generated_at` differ in answers that are otherwise the same. Within a quarter of an hour
an answer changes only with the tables; after it ranges end later, so the tag is another one, too. A view that counts minutes has a
shorter time.
"""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from flask import Response, make_response, request

from web.analytics.clickhouse.client import STATE
from web.analytics.clickhouse.sql import sql
from web.analytics.ranges import SLOT
from web.context import services

# a part of the page or the whole one, its language, and who is signed in
DEPENDS_ON = ("HX-Request", "HX-History-Restore-Request", "Accept-Language", "Cookie")


def conditional(view: Callable[..., Any], holds: timedelta = SLOT) -> Callable[..., Any]:
    """Give the answers of a view a tag, and answer 304 to who sends it back, as long as an answer holds."""

    @wraps(view)
    def answer(**arguments: Any) -> Response:
        (state,) = services.clickhouse.row(sql("state"))
        token = STATE.set(state)
        try:
            return _answer(view, _tag(state, holds), arguments)
        finally:
            STATE.reset(token)

    answer.is_conditional = True  # type: ignore[attr-defined]
    return answer


def _answer(view: Callable[..., Any], tag: str, arguments: dict[str, Any]) -> Response:
    is_same = request.if_none_match.contains_weak(tag)
    response = Response(status=304) if is_same else make_response(view(**arguments))
    response.set_etag(tag, weak=True)
    return response


def _tag(state: str, holds: timedelta) -> str:
    """Of the address, the state of the tables, and what a page depends on beside them."""
    parts = (
        request.full_path,
        state,
        str(services.clock() // holds.total_seconds()),
        *(request.headers.get(name, "") for name in DEPENDS_ON),
        services.build,
    )
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]
