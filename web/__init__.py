"""The dashboard and its JSON API: `create_app` wires the parts: blueprints, and what runs before and after each view."""

import secrets
import time
from collections.abc import Callable
from datetime import timedelta

from flask import Flask, Response
from werkzeug.middleware.proxy_fix import ProxyFix

from web import problem, request_log, security
from web.analytics.clickhouse.alerts import AlertQueries
from web.analytics.clickhouse.bots import BotQueries
from web.analytics.clickhouse.client import ClickHouse
from web.analytics.clickhouse.figures import FigureQueries
from web.analytics.clickhouse.filter_values import FilterValues
from web.analytics.clickhouse.live import LiveQueries
from web.analytics.clickhouse.ordered_funnel import FunnelQueries
from web.analytics.clickhouse.people import PeopleQueries
from web.analytics.clickhouse.retention import RetentionQueries
from web.analytics.clickhouse.saved import SavedItems
from web.analytics.clickhouse.search import SearchQueries
from web.analytics.clickhouse.sources import SourceQueries
from web.analytics.clickhouse.trail import TrailQueries
from web.analytics.person_key import PersonConverter
from web.analytics.prices import PriceTable
from web.api import blueprint as api
from web.auth import access
from web.auth.database import AuthDatabase
from web.auth.routes import blueprint as auth
from web.context import EXTENSION, Services
from web.images import routes as images
from web.images.links import ImageLinks
from web.server.conditions import leave_out_impossible_dates
from web.settings import WebSettings

SIGN_IN_FILE = "auth.sqlite3"
BODY_MAX = 64 * 1024  # forms and JSON here are tiny


def create_app(settings: WebSettings, *, clock: Callable[[], float] = time.time) -> Flask:
    """Build the WSGI app. It opens no connection and no file before the first request, so it may be made before a fork.

    `clock` gives the time in seconds since 1970; tests pass their own.
    """
    from web.pages import blueprint as pages  # here, because the pages import this package

    app = Flask("web")
    app.url_map.converters["person"] = PersonConverter
    app.config.update(
        SECRET_KEY=settings.secret_key.get_secret_value(),
        SESSION_COOKIE_NAME="__Host-chattrail" if settings.secure else "chattrail",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure,
        PERMANENT_SESSION_LIFETIME=timedelta(hours=settings.session_hours),
        SESSION_REFRESH_EACH_REQUEST=False,
        MAX_CONTENT_LENGTH=BODY_MAX,
        MAX_FORM_MEMORY_SIZE=BODY_MAX,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.json.compact = True  # type: ignore[attr-defined]
    key, clickhouse, links = settings.secret_key.get_secret_value(), ClickHouse(settings), ImageLinks(settings)
    prices = PriceTable.read(settings.prices) if settings.prices else None
    people, bots = PeopleQueries(clickhouse, key, settings.zone, clock, prices), BotQueries(clickhouse)
    figures, saved = FigureQueries(clickhouse, prices), SavedItems(settings, clickhouse)
    trails = TrailQueries(clickhouse, people, key, links.stores, settings.zone)
    app.extensions[EXTENSION] = Services(
        settings=settings,
        clock=clock,
        build=secrets.token_hex(8),
        clickhouse=clickhouse,
        bots=bots,
        figures=figures,
        people=people,
        prices=prices,
        filter_values=FilterValues(clickhouse),
        saved=saved,
        alerts=AlertQueries(saved, figures, bots, settings.zone),
        retention=RetentionQueries(clickhouse),
        funnels=FunnelQueries(clickhouse),
        sources=SourceQueries(clickhouse, settings.source_beginnings),
        trails=trails,
        search=SearchQueries(clickhouse, bots, people, key, settings.zone),
        live=LiveQueries(clickhouse, bots, people, trails),
        image_links=links,
        auth_database=AuthDatabase(settings.data / SIGN_IN_FILE, clock),
    )
    if settings.proxies:
        hops = settings.proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    for check in (
        request_log.begin,
        leave_out_impossible_dates,
        security.check_host,
        security.check_origin,
        access.check,
    ):
        app.before_request(check)
    for change in (request_log.end, security.set_headers):
        app.after_request(change)
    problem.init_app(app)
    for blueprint in (auth, api, images.blueprint, pages):
        app.register_blueprint(blueprint)
    app.add_url_rule("/healthz", view_func=access.public(healthz))
    return app


def healthz() -> Response:
    """Answer that this process answers. ClickHouse is not asked, so an outage there restarts nothing here."""
    return Response("ok\n", mimetype="text/plain")
