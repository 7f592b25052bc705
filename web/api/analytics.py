"""GET /api/analytics/…: figures, people, and one person's events."""

from flask import Response, jsonify, request

from web.analytics.queries import TrailQuery, UsersQuery, read_steps
from web.analytics.ranges import read_range
from web.api import blueprint
from web.api.output import jsonable
from web.context import services
from web.errors import ParameterError


@blueprint.get("/analytics/stats")
def stats() -> Response:
    """The figures of a range."""
    arguments = _arguments("range", "from", "to", "bot", "steps")
    now, bot = services.now(), services.bots.chosen(arguments)
    selected = read_range(arguments, services.settings.zone, now)
    return jsonify(jsonable(services.figures.stats(selected, now, bot, read_steps(arguments))))


@blueprint.get("/analytics/bots")
def bots() -> Response:
    """The bots that `bot=` may name."""
    _arguments()
    return jsonify(bots=[{"bot": bot.bot, "username": bot.username} for bot in services.bots.all()])


@blueprint.get("/analytics/users")
def users() -> Response:
    """One page of people."""
    arguments = _arguments("sort", "order", "q", "paid", "blocked", "language", "event", "bot", "limit", "cursor")
    return jsonify(jsonable(services.people.page(UsersQuery.read(arguments), services.bots.chosen(arguments))))


@blueprint.get("/analytics/users/<person:client_id>/events", merge_slashes=False)
def events(client_id: bytes) -> Response:
    """One page of a person's events."""
    arguments = _arguments("order", "bot", "limit", "cursor")
    bot = services.bots.chosen(arguments)
    return jsonify(jsonable(services.trails.page(client_id, TrailQuery.read(arguments), bot)))


def _arguments(*known: str) -> dict[str, str]:
    """The query string's parameters: a mistyped name would otherwise silently change what is answered."""
    for name, values in request.args.lists():
        if name not in known:
            raise ParameterError(ascii(name)[1:-1][:50], f"is not known here; known are {', '.join(known) or 'none'}")
        if len(values) > 1:
            raise ParameterError(name, "is given more than once")
    return request.args.to_dict()
