"""Questions to ClickHouse: the one place that pages and JSON API read from.

Every method may raise `StoreUnavailable` (ClickHouse is away, refuses, or took too long) and nothing else of the driver.
"""

from uuid import UUID

from web.queries import TrailQuery, UsersQuery
from web.ranges import Range
from web.results import LanguagePeople, Stats, StoredImage, TrailPage, UserPage, UserRow
from web.settings import WebSettings


class StoreUnavailable(Exception):  # noqa: N818 - the word of HTTP 503
    """ClickHouse cannot answer at the moment; the text says what is at fault and what to do."""

    def __init__(self, reason: str, *, retry_after: int = 5) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class UnknownPerson(LookupError):  # noqa: N818 - what it is, not that it is an error
    """No event of this client_id is stored."""


class Store:
    """Read-only questions. One instance serves all threads of a process; it connects at the first question."""

    def __init__(self, settings: WebSettings) -> None:
        self._settings = settings

    def stats(self, asked: Range) -> Stats:
        """All figures of the Statistics page."""
        raise NotImplementedError

    def users(self, query: UsersQuery) -> UserPage:
        """One page of people. Raises BadParameter("cursor", …) for a cursor of another sort, filter or key."""
        raise NotImplementedError

    def user(self, client_id: str) -> UserRow:
        """One person. Raises UnknownPerson."""
        raise NotImplementedError

    def trail(self, client_id: str, query: TrailQuery) -> TrailPage:
        """One page of a person's events. Raises UnknownPerson, and BadParameter for a bad cursor."""
        raise NotImplementedError

    def languages(self) -> tuple[LanguagePeople, ...]:
        """Languages of all people ever, most frequent first: the choices of the language filter."""
        raise NotImplementedError

    def image(self, event_id: UUID) -> StoredImage | None:
        """The picture of an event, or None when it has none."""
        raise NotImplementedError
