"""The JSON API. docs/api.md describes it; its examples are made by a test."""

from datetime import UTC, datetime
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, request, url_for

from web.analytics.queries import TrailQuery, UsersQuery, read_steps
from web.analytics.ranges import read_range
from web.api.output import iso, jsonable
from web.auth.access import bearer_only
from web.auth.links import TTL_MAX_S, TTL_S, make_link
from web.conditional import conditional
from web.context import services
from web.errors import ParameterError

blueprint = Blueprint("api", __name__, url_prefix="/api")


@blueprint.get("/analytics/stats")
@conditional
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
@conditional
def users() -> Response:
    """One page of people."""
    arguments = _arguments("sort", "order", "q", "paid", "blocked", "language", "event", "bot", "limit", "cursor")
    return jsonify(jsonable(services.people.page(UsersQuery.read(arguments), services.bots.chosen(arguments))))


@blueprint.get("/analytics/users/<person:client_id>/events", merge_slashes=False)
@conditional
def events(client_id: bytes) -> Response:
    """One page of a person's events."""
    arguments = _arguments("order", "bot", "limit", "cursor")
    bot = services.bots.chosen(arguments)
    return jsonify(jsonable(services.trails.page(client_id, TrailQuery.read(arguments), bot)))


@blueprint.post("/login-links")
@bearer_only
def login_links() -> tuple[Response, int]:
    """Make a one-time link; the body may be `{"ttl_s": seconds}`. The bot's /dashboard asks for one and hands it to the owner."""
    token, expires_at = make_link(services.auth_database, _ttl())
    base = services.settings.public_url or request.host_url.rstrip("/")
    url = f"{base}{url_for('auth.login_link')}?{urlencode({'token': token})}"
    return jsonify(url=url, expires_at=iso(datetime.fromtimestamp(expires_at, UTC))), 201


def _ttl() -> int:
    if not request.get_data():
        return TTL_S
    try:
        body = request.get_json(force=True, silent=True)
    except RecursionError:  # nested without end
        body = None
    if not isinstance(body, dict):
        raise ParameterError("body", 'must be a JSON object such as {"ttl_s": 300}')
    for name in body:
        if name != "ttl_s":
            raise ParameterError(ascii(name)[1:-1][:50], "is not known here; known is ttl_s")
    ttl = body.get("ttl_s", TTL_S)
    if not isinstance(ttl, int) or isinstance(ttl, bool) or not 10 <= ttl <= TTL_MAX_S:
        raise ParameterError("ttl_s", f"must be a whole number of seconds from 10 to {TTL_MAX_S}")
    return ttl


def _arguments(*known: str) -> dict[str, str]:
    """The query string's parameters: a mistyped name would otherwise silently change what is answered."""
    for name, values in request.args.lists():
        if name not in known:
            raise ParameterError(ascii(name)[1:-1][:50], f"is not known here; known are {', '.join(known) or 'none'}")
        if len(values) > 1:
            raise ParameterError(name, "is given more than once")
    return request.args.to_dict()
