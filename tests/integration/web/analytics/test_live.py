"""What happens now is what a slow look at all events says: the newest of them, and counts of the last minutes and the last hour."""

import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from tests.support.clock import FakeClock
from tests.support.embedded import EmbeddedClickHouse
from tests.support.migrated import migrated_database
from tests.support.otlp import event, request
from tests.support.sinks import sink_on
from tests.support.web_support import make_app, sign_in
from web.analytics.clickhouse.live import EVENTS_MAX
from web.analytics.live import Live, Pulse
from web.analytics.ranges import floor_slot
from web.context import EXTENSION

NOW = datetime.now(UTC).replace(microsecond=0)
PAID = {"chattrail.premium.action": "paid", "chattrail.premium.currency": "XTR", "chattrail.premium.amount": 5}
FAILED = {"error.type": "timeout"}
CLOCK = FakeClock(NOW)
Sent = tuple[str, str, datetime, dict[str, Any], str]


def sent() -> list[Sent]:
    """Kind, person, time, attributes and bot of what happened, within three hours and one event in the future."""
    chance = random.Random(3)
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("user_message", {"chattrail.message.text": "<b>hi</b>"}), ("ai_message", {}), ("ai_message", FAILED),
        ("premium_action", PAID), ("premium_action", {**PAID, "chattrail.premium.action": "offered"}),
        ("handler_failed", FAILED), ("command", {"chattrail.command.name": "help"}), ("bot_blocked", {}), ("image_generated", {}),
    ]  # fmt: skip
    found: list[Sent] = []
    for number in range(240):
        kind, attributes = chance.choice(kinds)
        age = 3 + number if number < 120 else chance.randrange(300, 10_000)
        found.append((kind, f"p{chance.randrange(30)}", NOW - timedelta(seconds=age), attributes, chance.choice("89")))
    return [*found, ("user_message", "early", NOW + timedelta(days=1), {}, "8")]


SENT = sent()


@pytest.fixture(scope="module")
def app(clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    folder = tmp_path_factory.mktemp("live")
    records = [
        event(
            kind,
            person,
            {
                "event.id": str(uuid.UUID(int=number + 1)),
                "telegram.bot.id": bot,
                "telegram.user.name": f"Name of {person}",
                **attributes,
            },
            at=int(at.timestamp()) * 10**9,
        )
        for number, (kind, person, at, attributes, bot) in enumerate(SENT)
    ]
    with migrated_database(clickhouse) as database, sink_on(clickhouse.url, database, "columns", folder) as sink:
        sink.handle(request(*records))
        sink.handle(request(*records[::3]))  # some of them again
        sink.settle()
        dsn = clickhouse.dsn(database, readonly=True)
        yield make_app(folder / "web", dsn, CLOCK)


def happened(bot: str = "") -> list[tuple[int, Sent]]:
    """What a bot's events of the last hour are, the newest first, with their numbers."""
    found = [
        (number, each)
        for number, each in enumerate(SENT)
        if NOW - timedelta(hours=1) <= each[2] <= NOW and bot in ("", each[4])
    ]
    return sorted(found, key=lambda each: (each[1][2], each[0]), reverse=True)


def counted(since: datetime, bot: str) -> Pulse:
    """The counts by a look at each event."""
    own = ("user_message", "command")
    some = [each for each in SENT if since <= each[2] <= NOW and bot in ("", each[4])]
    paid = [each for each in some if each[3].get("chattrail.premium.action") == "paid"]
    return Pulse(
        since,
        people=len({each[1] for each in some if each[0] in own} | {each[1] for each in paid}),
        messages=sum(each[0] == "user_message" for each in some),
        payments=len(paid),
        failures=sum(each[3] == FAILED for each in some),
    )


@pytest.mark.parametrize("bot", ["", "8", "9"])
def test_the_newest_events_and_the_counts(app: Flask, bot: str) -> None:
    services = app.extensions[EXTENSION]
    chosen = next((each for each in services.bots.all() if each.bot == bot), None)
    assert (chosen is not None) is bool(bot)
    found: Live = services.live.live(NOW, chosen)
    newest = happened(bot)[:EVENTS_MAX]
    assert [each.event.id for each in found.events] == [str(uuid.UUID(int=number + 1)) for number, _ in newest]
    for live, (_, (kind, person, at, _, of_bot)) in zip(found.events, newest, strict=True):
        shown = (live.event.type, live.client_id, live.name, live.bot, live.event.at)
        assert shown == (kind, person, f"Name of {person}", of_bot, at)
    assert found.minutes == counted(NOW - timedelta(minutes=5), bot)
    assert found.hour == counted(floor_slot(NOW - timedelta(hours=1)), bot)


def test_the_page_has_a_line_for_each_and_holds_for_seconds(app: Flask) -> None:
    client = app.test_client()
    sign_in(client)
    answer = client.get("/analytics/live")
    assert answer.status_code == 200
    newest = happened()[:EVENTS_MAX]
    for number, (_, person, _, _, _) in newest:
        event_id = uuid.UUID(int=number + 1)
        assert f'href="/analytics/users/{person}?event={event_id}#e-{event_id}"' in answer.text
    assert "&lt;b&gt;hi&lt;/b&gt;" in answer.text
    assert "<b>hi" not in answer.text
    tag = {"If-None-Match": answer.headers["ETag"]}
    assert client.get("/analytics/live", headers=tag).status_code == 304
    CLOCK.advance(16)
    assert client.get("/analytics/live", headers=tag).status_code == 200, "what was five minutes ago is no more"
    CLOCK.advance(4 * 3600)
    assert "Nothing happened in the last hour" in client.get("/analytics/live").text
