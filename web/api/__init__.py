"""The JSON API. docs/api.md describes it; its examples are made by a test."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, jsonify, request, url_for

from web.analytics.alerts import Alerts
from web.analytics.filters.condition import people_condition
from web.analytics.filters.request import read_filter
from web.analytics.funnel import FUNNEL_RANGE, FunnelQuery, OrderedFunnel
from web.analytics.models import Stats
from web.analytics.people_condition import PeopleCondition
from web.analytics.queries import SearchQuery, TrailQuery, UsersQuery, read_steps
from web.analytics.ranges import read_range
from web.analytics.retention import DEFAULT_RANGE, Cohort, Retention, RetentionQuery
from web.analytics.saved import ID, NAME_MAX, SAVED_KINDS, SavedList, ToSave, read_kind
from web.analytics.search_models import SearchPage
from web.analytics.sources import SOURCES_RANGE, Sources, wants_each
from web.analytics.trail_models import TrailEvent, TrailPage, UserPage, UserRow
from web.api import exports
from web.api.models import BotName, Bots, LoginLink
from web.api.views import operation, stream
from web.auth.access import bearer_only, reads_trails
from web.auth.links import TTL_MAX_S, TTL_MIN_S, TTL_S, make_link
from web.conditional import conditional
from web.context import services
from web.errors import ParameterError
from web.openapi import parameters
from web.openapi.document import document

blueprint = Blueprint("api", __name__, url_prefix="/api")
TTL = {
    "type": "object",
    "properties": {"ttl_s": {"type": "integer", "minimum": TTL_MIN_S, "maximum": TTL_MAX_S, "default": TTL_S}},
    "additionalProperties": False,
}
SAVE = {
    "type": "object",
    "properties": {
        "kind": {"type": "string", "enum": list(SAVED_KINDS)},
        "id": {"type": "string", "pattern": f"^{ID.pattern}$"},
        "name": {"type": "string", "minLength": 1, "maxLength": NAME_MAX},
        "value": {},
        "is_deleted": {"type": "boolean", "default": False},
    },
    "required": ["kind"],
    "additionalProperties": False,
}


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """This API as an OpenAPI 3.1 document."""
    return jsonify(document(current_app))


@blueprint.get("/analytics/stats")
@conditional
@operation(
    "figures", Stats, parameters.RANGE, parameters.FROM, parameters.TO, parameters.BOT, parameters.STEPS_OF_FUNNEL,
    parameters.FILTER,
)  # fmt: skip
def stats(arguments: Mapping[str, str]) -> Stats:
    """The figures of a range: people, messages, answers, payments, a funnel, and the same of the stretch before."""
    now, bot, zone = services.now(), services.bots.chosen(arguments), services.settings.zone
    selected, tree = read_range(arguments, zone, now), read_filter(arguments)
    who = people_condition(tree, zone, now) if tree else None
    return services.figures.stats(selected, now, bot, read_steps(arguments), who)


@blueprint.get("/analytics/bots")
@operation("bots", Bots)
def bots(arguments: Mapping[str, str]) -> Bots:
    """The bots that `bot` may name."""
    return Bots(tuple(BotName(bot.bot, bot.username) for bot in services.bots.all()))


@blueprint.get("/analytics/funnel")
@conditional
@operation("funnel", OrderedFunnel, *parameters.FUNNEL)
def funnel(arguments: Mapping[str, str]) -> OrderedFunnel:
    """How many people took steps in this order, within a time from the first one, and how long each took."""
    now, bot = services.now(), services.bots.chosen(arguments)
    asked = read_range(arguments, services.settings.zone, now, FUNNEL_RANGE)
    return services.funnels.funnel(asked, FunnelQuery.read(arguments), now, bot, _who(arguments))


@blueprint.get("/analytics/sources")
@conditional
@operation("sources", Sources, *parameters.SOURCES)
def sources(arguments: Mapping[str, str]) -> Sources:
    """Where people came from, by what their first /start carried, and what became of them: who wrote, stayed, paid."""
    now, bot = services.now(), services.bots.chosen(arguments)
    asked = read_range(arguments, services.settings.zone, now, SOURCES_RANGE)
    return services.sources.table(asked, now, bot, _who(arguments), each_payload=wants_each(arguments))


@blueprint.get("/analytics/retention")
@conditional
@operation("retention", Retention, *parameters.RETENTION)
def retention(arguments: Mapping[str, str]) -> Retention:
    """Who came back: people by when they first came or what they are, and how many did something in each later period."""
    return _retention(arguments)


@blueprint.get("/analytics/retention.csv")
@stream("retention_csv", Cohort, *parameters.RETENTION, media_type=exports.CSV, filename="retention.csv")
def retention_csv(arguments: Mapping[str, str]) -> Iterator[bytes]:
    """The same as CSV: a line for each cohort and later period."""
    return exports.retention_lines(_retention(arguments))


@blueprint.get("/analytics/users")
@conditional
@operation(
    "people", UserPage, parameters.SORT, parameters.USERS_ORDER, *parameters.FILTERS, parameters.LIMIT,
    parameters.CURSOR, parameters.BOT,
)  # fmt: skip
def users(arguments: Mapping[str, str]) -> UserPage:
    """One page of people, sorted and filtered, each with what they did over all time."""
    return services.people.page(UsersQuery.read(arguments), services.bots.chosen(arguments))


@blueprint.get("/analytics/users.csv")
@stream("people_csv", UserRow, *parameters.FILTERS, parameters.BOT, media_type=exports.CSV, filename="people.csv")
def users_csv(arguments: Mapping[str, str]) -> Iterator[bytes]:
    """All people who match, as CSV with a heading, in the order of their ids, however many they are."""
    return exports.csv_lines(_every(arguments))


@blueprint.get("/analytics/users.jsonl")
@stream(
    "people_jsonl", UserRow, *parameters.FILTERS, parameters.BOT, media_type=exports.JSON_LINES, filename="people.jsonl"
)
def users_jsonl(arguments: Mapping[str, str]) -> Iterator[bytes]:
    """All people who match, a JSON object a line, in the order of their ids, however many they are."""
    return exports.json_lines(_every(arguments))


@blueprint.get("/analytics/users/<person:client_id>/events", merge_slashes=False)
@reads_trails
@conditional
@operation("trail", TrailPage, *parameters.TRAIL, parameters.LIMIT, parameters.CURSOR, parameters.BOT)
def events(arguments: Mapping[str, str], client_id: bytes) -> TrailPage:
    """One page of a person's events: what they and the bot wrote, chose, pressed and paid."""
    return services.trails.page(client_id, TrailQuery.read(arguments), services.bots.chosen(arguments))


@blueprint.get("/analytics/users/<person:client_id>/events.jsonl", merge_slashes=False)
@reads_trails
@stream(
    "trail_jsonl",
    TrailEvent,
    *parameters.TRAIL_FILTERS,
    parameters.BOT,
    media_type=exports.JSON_LINES,
    filename="trail.jsonl",
)
def trail_jsonl(arguments: Mapping[str, str], client_id: bytes) -> Iterator[bytes]:
    """A person's whole trail, a JSON object a line, in order of time, however long it is."""
    pages = services.trails.whole(client_id, TrailQuery.read(arguments), services.bots.chosen(arguments))
    return exports.json_lines(event for page in pages for event in page.events)


@blueprint.get("/analytics/saved")
@operation("saved", SavedList, parameters.SAVED_KIND)
def saved(arguments: Mapping[str, str]) -> SavedList:
    """What owners saved of a kind, by name: views, funnels, annotations, rules of alerts, cards, columns."""
    return SavedList(services.saved.of(read_kind(arguments)))


@blueprint.get("/analytics/alerts")
@operation("alerts", Alerts)
def alerts(arguments: Mapping[str, str]) -> Alerts:
    """The rules that owners saved as alerts, and how each stands now: its figure, what is normal, whether it is outside."""
    return services.alerts.states(services.now())


@blueprint.post("/analytics/saved")
@bearer_only
@operation("save", SavedList, body=SAVE, conflict="Nothing can be saved here, or there are too many of this kind.")
def save(arguments: Mapping[str, str]) -> SavedList:
    """Save something under a name; with the `id` of something saved change that, or delete it. Answers with all of its kind."""
    body = _body()
    if not isinstance(body, dict):
        raise ParameterError("body", 'must be a JSON object such as {"kind": "view", "name": "Readers", "value": {}}')
    item = ToSave.read(body)
    services.saved.put(item)
    return SavedList(services.saved.of(item.kind))


@blueprint.get("/analytics/search")
@reads_trails
@operation(
    "search", SearchPage, parameters.WORDS, parameters.SEARCH_RANGE, parameters.FROM, parameters.TO, parameters.FILTER,
    parameters.LIMIT, parameters.CURSOR, parameters.BOT,
)  # fmt: skip
def search(arguments: Mapping[str, str]) -> SearchPage:
    """One page of what people and bots wrote to each other, of everybody, the newest first: messages, edits, prompts."""
    now = services.now()
    query = SearchQuery.read(arguments, services.settings.zone, now)
    return services.search.page(query, now, services.bots.chosen(arguments))


@blueprint.post("/login-links")
@bearer_only
@operation("make_login_link", LoginLink, status=201, body=TTL)
def login_links(arguments: Mapping[str, str]) -> LoginLink:
    """Make a one-time link that signs its holder in. The bot's /dashboard asks for one and hands it to the owner."""
    token, expires_at = make_link(services.auth_database, _ttl())
    base = services.settings.public_url or request.host_url.rstrip("/")
    url = f"{base}{url_for('auth.login_link')}?{urlencode({'token': token})}"
    return LoginLink(url, datetime.fromtimestamp(expires_at, UTC))


def _retention(arguments: Mapping[str, str]) -> Retention:
    now, bot = services.now(), services.bots.chosen(arguments)
    asked = read_range(arguments, services.settings.zone, now, DEFAULT_RANGE)
    return services.retention.table(asked, RetentionQuery.read(arguments), now, bot, _who(arguments))


def _who(arguments: Mapping[str, str]) -> PeopleCondition:
    return people_condition(read_filter(arguments), services.settings.zone, services.now())


def _every(arguments: Mapping[str, str]) -> Iterator[UserRow]:
    return services.people.every(UsersQuery.read(arguments), services.bots.chosen(arguments))


def _body() -> Any:
    try:
        return request.get_json(force=True, silent=True)
    except RecursionError:  # nested without end
        return None


def _ttl() -> int:
    if not request.get_data():
        return TTL_S
    body = _body()
    if not isinstance(body, dict):
        raise ParameterError("body", 'must be a JSON object such as {"ttl_s": 300}')
    for name in body:
        if name != "ttl_s":
            raise ParameterError(ascii(name)[1:-1][:50], "is not known here; known is ttl_s")
    ttl = body.get("ttl_s", TTL_S)
    is_whole = type(ttl) is int or (type(ttl) is float and ttl.is_integer())  # 40.0 is a whole number in JSON
    if not is_whole or not TTL_MIN_S <= ttl <= TTL_MAX_S:
        raise ParameterError("ttl_s", f"must be a whole number of seconds from {TTL_MIN_S} to {TTL_MAX_S}")
    return int(ttl)
