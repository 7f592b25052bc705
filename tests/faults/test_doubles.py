"""Row 25: the same events again, cut otherwise, in another order, and after their tokens are forgotten. No page may change."""

import asyncio
import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.embedded import EmbeddedClickHouse
from tests.faults.load import Mix, Parcel, make_load, parcels_of
from tests.faults.oracle import Verdict
from tests.faults.report import Report
from tests.faults.rig import running_rig
from tests.faults.runs import Outcome
from tests.faults.sender import Sender
from tests.web_support import BEARER, Clock, make_app, sign_in

NOW = datetime(2026, 10, 27, 9, 5, 7, tzinfo=UTC)
RANGES = ("7d", "30d", "90d", "all")
SORTS = ("last_seen", "messages", "stars")


def cases() -> list[Any]:
    slow = [pytest.mark.slow, pytest.mark.timeout(600)]
    return [pytest.param(0, 700, id="quick")] + [
        pytest.param(seed, 10_000, id=f"seed{seed}", marks=slow) for seed in range(1, 6)
    ]


@pytest.mark.parametrize(("seed", "events"), cases())
async def test_doubles_change_no_page_and_no_figure(
    seed: int, events: int, tmp_path: Path, clickhouse: EmbeddedClickHouse, report: Report
) -> None:
    chance = random.Random(seed)
    load = make_load(seed, events, 50, Mix())
    async with (
        running_rig(tmp_path, clickhouse, own_clickhouse=False, collector=None) as rig,
        Sender(rig.url) as sender,
    ):
        await deliver(sender, load.parcels)
        await rig.oracle.settled(load)
        pages = Pages(rig.readonly_dsn, tmp_path)
        before = await asyncio.to_thread(pages.everything)
        await rig.oracle.forget_tokens(1)
        for size in (7, 130):
            shuffled = chance.sample(load.records, len(load.records))
            await deliver(sender, parcels_of(shuffled, size))
        await deliver(sender, load.parcels)  # the very same bodies, their tokens forgotten
        await rig.oracle.settled(load)
        verdict: Verdict = await rig.oracle.judge(sender.acknowledged, load)
        raw_extra = await rig.oracle.raw_rows() - events
        after = await asyncio.to_thread(pages.everything)
    outcome = Outcome(
        25, "the same events three times more", seed, events, verdict, (), raw_extra, sender.longest_wait_s, 0
    )
    if seed:
        report.outcomes.append(outcome)
    assert outcome.passed, str(outcome)
    assert {name for name in before if before[name] != after[name]} == set()
    trails = [page["events"] for address, page in before.items() if "/events?" in address]
    assert sum(map(len, trails)) > 0.9 * events, "the pages did not show what was sent"
    assert raw_extra > 0, "the doubles never got as far as the table: this run proves nothing"


async def deliver(sender: Sender, parcels: list[Parcel]) -> None:
    sender.feed(parcels)
    await sender.finished()


class Pages:
    """All that the web part shows of a database, by address."""

    def __init__(self, dsn: str, folder: Path) -> None:
        self._app = make_app(folder / "web", dsn, Clock(NOW.timestamp()), timezone="Europe/Berlin")

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
            self._paged(client, f"/api/analytics/users/{person}/events?limit=200", shown)
        sign_in(client)
        for address in ("/analytics?range=90d", "/analytics/users", f"/analytics/users/{min(people)}"):
            answer = client.get(address)
            assert answer.status_code == 200
            shown[address] = [line for line in answer.text.splitlines() if "nonce" not in line and "csrf" not in line]
        return shown

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
