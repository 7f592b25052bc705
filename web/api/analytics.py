"""GET /api/analytics/…: figures, people, and one person's events."""

from flask import Response, jsonify, request

from web.analytics.queries import BadParameter, TrailQuery, UsersQuery
from web.analytics.ranges import read_range
from web.api import blueprint
from web.api.output import jsonable
from web.context import now, settings, store


@blueprint.get("/analytics/stats")
def stats() -> Response:
    """The figures of a range."""
    arguments = _arguments("range", "from", "to")
    return jsonify(jsonable(store().stats(read_range(arguments, settings().zone, now()))))


@blueprint.get("/analytics/users")
def users() -> Response:
    """One page of people."""
    arguments = _arguments("sort", "order", "q", "paid", "blocked", "language", "limit", "cursor")
    return jsonify(jsonable(store().users(UsersQuery.read(arguments))))


@blueprint.get("/analytics/users/<person:client_id>/events", merge_slashes=False)
def events(client_id: bytes) -> Response:
    """One page of a person's events."""
    arguments = _arguments("order", "limit", "cursor")
    return jsonify(jsonable(store().trail(client_id, TrailQuery.read(arguments))))


def _arguments(*known: str) -> dict[str, str]:
    """The query string's parameters: a mistyped name would otherwise silently change what is answered."""
    for name, values in request.args.lists():
        if name not in known:
            raise BadParameter(ascii(name)[1:-1][:50], f"is not known here; known are {', '.join(known)}")
        if len(values) > 1:
            raise BadParameter(name, "is given more than once")
    return request.args.to_dict()
