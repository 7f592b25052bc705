"""Pages and API of the dashboard as one asks them that must answer always, whatever is stored."""

import contextlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.web_stage import WebStage
from tests.support.web_support import BEARER
from web.analytics.clickhouse.client import ClickHouse
from web.analytics.person_key import address_of

NEIGHBOUR = "100200300"
LANGUAGES = ("en", "ru")


@dataclass
class Pages:
    """A web app, the faults that it logged, what the neighbour's row was before anything hostile came, and rows it has read."""

    stage: WebStage
    client: FlaskClient
    log: list[logging.LogRecord] = field(default_factory=list)
    neighbour: dict[str, Any] = field(default_factory=dict)
    rows: dict[tuple[str, str], Any] = field(default_factory=dict)

    @contextlib.contextmanager
    def asking_once(self) -> Iterator[None]:
        """Ask the database once for what both languages and the API show of the same moment; `trail` and `check` begin one."""
        asked = ClickHouse.rows

        def rows(clickhouse: ClickHouse, statement: str, parameters: Mapping[str, Any] | None = None) -> Any:
            question = (statement, repr(parameters))
            if question not in self.rows:
                self.rows[question] = asked(clickhouse, statement, parameters)
            return self.rows[question]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ClickHouse, "rows", rows)
            yield

    def get(self, path: str, what: object = "", **options: Any) -> TestResponse:
        """Ask, and have an answer behind which no fault was logged; `what` is at fault if not."""
        self.log.clear()
        answer = self.client.get(path, **options)
        logged = [each.getMessage() for each in self.log]
        assert (answer.status_code, logged) == (200, []), (path[:200], what, answer.text[:300])
        return answer

    def json(self, path: str, what: object = "") -> Any:
        """Ask the API for what is JSON for everybody: Python's reader takes NaN, too."""
        answer = self.get(path, what, headers=BEARER)
        return json.loads(
            answer.data.decode("utf-8", "strict"), parse_constant=lambda name: pytest.fail(f"{name} in JSON")
        )

    def page(self, path: str, what: object = "") -> None:
        """Ask for a page in both languages."""
        for language in LANGUAGES:
            answer = self.get(f"{path}{'&' if '?' in path else '?'}lang={language}&limit=200", what)
            assert len(answer.data) < 12e6, (path[:200], what)

    def everybody(self) -> list[str]:
        """Ids of all people, through every page of the list."""
        self.rows.clear()
        found: list[str] = []
        cursor = ""
        while True:
            page = self.json(f"/api/analytics/users?limit=200&sort=name&cursor={cursor}")
            found += [row["client_id"] for row in page["users"]]
            cursor = page["next_cursor"]
            if not cursor:
                assert len(found) == page["total"]
                return found

    def trail(self, client_id: str, what: object = "") -> Any:
        """Somebody's page, and the same from the API."""
        self.rows.clear()
        address = address_of(client_id)
        self.page(f"/analytics/users/{address}", what)
        return self.json(f"/api/analytics/users/{address}/events?limit=200", what)

    def check(self, what: object = "", sorts: Sequence[str] = ("name", "stars", "last_seen")) -> None:
        """The pages that everybody shares, and the neighbour's row on them."""
        self.rows.clear()
        for path in ("/analytics?range=all", f"/analytics/users?sort={sorts[0]}"):
            self.page(path, what)
        self.json("/api/analytics/stats?range=all", what)
        for sort in sorts:
            self.json(f"/api/analytics/users?sort={sort}", what)
        assert self.json(f"/api/analytics/users/{NEIGHBOUR}/events")["user"] == self.neighbour, what
