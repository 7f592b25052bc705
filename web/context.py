"""What the views use of the running app."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from flask import current_app
from werkzeug.local import LocalProxy

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
from web.analytics.prices import PriceTable
from web.auth.database import AuthDatabase
from web.images.links import ImageLinks
from web.settings import WebSettings

EXTENSION = "chattrail"


@dataclass(frozen=True, slots=True)
class Services:
    """The settings, the clock (seconds since 1970), the queries to ClickHouse, and what signing in needs.

    `build` is another text after each start: another release may answer otherwise.
    """

    settings: WebSettings
    clock: Callable[[], float]
    build: str
    clickhouse: ClickHouse
    bots: BotQueries
    figures: FigureQueries
    people: PeopleQueries
    prices: PriceTable | None
    filter_values: FilterValues
    saved: SavedItems
    alerts: AlertQueries
    retention: RetentionQueries
    funnels: FunnelQueries
    sources: SourceQueries
    trails: TrailQueries
    search: SearchQueries
    live: LiveQueries
    image_links: ImageLinks
    auth_database: AuthDatabase

    def now(self) -> datetime:
        """The current time, in UTC."""
        return datetime.fromtimestamp(self.clock(), UTC)


services = cast("Services", LocalProxy(lambda: current_app.extensions[EXTENSION]))
