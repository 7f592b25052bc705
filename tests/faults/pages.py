"""What the web part shows of a database."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from tests.faults.load import Load, Row
from tests.support.clock import FakeClock
from tests.support.web_support import BEARER, make_app, sign_in

NOW = datetime(2026, 10, 27, 9, 5, 7, tzinfo=UTC)
RANGES = ("7d", "30d", "90d", "all")
SORTS = ("last_seen", "messages", "stars")


class Pages:
    """All that is shown, by address."""

    def __init__(self, dsn: str, folder: Path) -> None:
        self._app = make_app(folder / "web", dsn, FakeClock(NOW), timezone="Europe/Berlin")

    def everything(self) -> dict[str, Any]:
        """Figures of every range, every page of the list in several orders, every trail to its end."""
        client = self._app.test_client()
        shown: dict[str, Any] = {}
        for range_ in RANGES:
            self._read(client, f"/api/analytics/stats?range={range_}", shown)
        people: set[str] = set()
        for sort in SORTS:
            for page in self._paged(client, f"/api/analytics/users?limit=15&sort={sort}", shown):
                people |= {user["client_id"] for user in page["users"]}
        for person in sorted(people):
            self.trail(person, client, shown)
        sign_in(client)
        for address in ("/analytics?range=90d", "/analytics/users", f"/analytics/users/{min(people)}"):
            answer = client.get(address)
            assert answer.status_code == 200
            shown[address] = [line for line in answer.text.splitlines() if "nonce" not in line and "csrf" not in line]
        return shown

    def trail(
        self, person: str, client: FlaskClient | None = None, shown: dict[str, Any] | None = None, order: str = "desc"
    ) -> list[Any]:
        """Every event of a person's trail, in the order of the pages."""
        address = f"/api/analytics/users/{person}/events?limit=200&order={order}"
        pages = self._paged(client or self._app.test_client(), address, {} if shown is None else shown)
        return [event for page in pages for event in page["events"]]

    def _paged(self, client: FlaskClient, address: str, shown: dict[str, Any]) -> list[Any]:
        pages, cursor = [], ""
        while True:
            page = self._read(client, f"{address}{cursor}", shown)
            pages.append(page)
            if not page["next_cursor"]:
                return pages
            cursor = f"&cursor={page['next_cursor']}"

    def _read(self, client: FlaskClient, address: str, shown: dict[str, Any]) -> Any:
        answer = client.get(address, headers=BEARER)
        assert answer.status_code == 200, answer.text
        shown[address] = json.loads(answer.text)
        return shown[address]


def disorder(pages: Pages, load: Load) -> list[str]:
    """People whose trail is not in the order of the rule, from first to last and from last to first.

    The rule: by the time that could be believed (the migration 0002_events.sql), and by the process's own count where
    times are the same. What should be is worked out from what was sent.
    """
    people: dict[str, list[tuple[int, int, str]]] = {}
    for id_, row in load.expected.items():
        people.setdefault(row.user, []).append((row.ts_ns, _sequence(row), id_))
    wrong = []
    for person, events in sorted(people.items()):
        ids = [id_ for _, _, id_ in sorted(events)]
        forth = [event["id"] for event in pages.trail(person, order="asc")]
        back = [event["id"] for event in pages.trail(person, order="desc")]
        if (forth, back) != (ids, ids[::-1]):
            wrong.append(person)
    return wrong


def _sequence(row: Row) -> int:
    return int(row.attributes["event.sequence"])
