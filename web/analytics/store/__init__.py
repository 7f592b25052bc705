"""Questions to ClickHouse: the one place that pages and JSON API read from.

Every method may raise `StoreUnavailable` (ClickHouse is away, refuses, or took too long) and nothing else of the driver.
"""

from collections.abc import Callable, Set
from datetime import UTC, datetime
from uuid import UUID

from web.analytics.models import LanguagePeople, Stats, StoredImage, TrailPage, UserPage
from web.analytics.queries import TrailQuery, UsersQuery
from web.analytics.ranges import Range
from web.analytics.store.client import ClickHouse
from web.analytics.store.errors import StoreUnavailable, UnknownPerson
from web.analytics.store.figures import FigureQueries
from web.analytics.store.people import PeopleQueries, uncounted
from web.analytics.store.trail import TrailQueries
from web.settings import WebSettings

__all__ = ["Store", "StoreUnavailable", "UnknownPerson"]


class Store:
    """Read-only questions. One instance serves all threads of a process; it connects at the first question."""

    def __init__(self, settings: WebSettings, clock: Callable[[], float], picture_stores: Set[str]) -> None:
        key, clickhouse = settings.secret_key.get_secret_value(), ClickHouse(settings)
        self._clock = clock
        self._figures = FigureQueries(clickhouse)
        self._people = PeopleQueries(clickhouse, key)
        self._trail = TrailQueries(clickhouse, key, picture_stores)

    def stats(self, asked: Range) -> Stats:
        """All figures of the Statistics page."""
        return self._figures.stats(asked, datetime.fromtimestamp(self._clock(), UTC))

    def languages(self) -> tuple[LanguagePeople, ...]:
        """Languages of all people ever, most frequent first: the choices of the language filter."""
        return self._figures.languages()

    def users(self, query: UsersQuery) -> UserPage:
        """One page of people. Raises BadParameter for a cursor of another sort, filter or key."""
        return self._people.page(query)

    def trail(self, key: bytes, query: TrailQuery) -> TrailPage:
        """One page of the events of a person (`person_key`). Raises UnknownPerson, and BadParameter for a bad cursor."""
        events, cursor = self._trail.page(key, query)
        person = self._people.one(key) or uncounted(key, events)
        return TrailPage(person.client_id, person, events, cursor)

    def image(self, event_id: UUID) -> StoredImage | None:
        """The picture of an event, or None when it has none."""
        return self._trail.image(event_id)
