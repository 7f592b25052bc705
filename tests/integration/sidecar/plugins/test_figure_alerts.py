"""Alerts on figures, from rules of the real web part to the simulated Telegram: what the admin is told, and how often."""

import json
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sidecar.plugins.figure_alerts import FACTORY
from sidecar.plugins.figure_alerts.memory import Told
from stack.simulators.telegram.person import Person
from stack.simulators.telegram.server import TelegramServer
from tests.support.chat_stage import WEB_TOKEN, ChatStage, telegram_with_admin
from tests.support.embedded import EmbeddedClickHouse
from tests.support.otlp import event
from tests.support.receivers import until
from tests.support.web_stage import web_stage
from tests.support.web_support import BEARER, running_web

CANARY = "the fox said something private"
RULE = {
    "figure": "messages", "bot": "", "filter": "not language:fr", "comparison": "above", "threshold": 2, "window": "1d",
    "quiet_h": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def web_url(clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The real web part: three messages now, and three before, for a day that has just begun or is about to end."""
    folder = tmp_path_factory.mktemp("alerts")
    with web_stage(clickhouse, folder) as stage:
        text = {"chattrail.message.text": CANARY}
        moments = (time.time_ns(), time.time_ns() - 180 * 10**9)
        stage.send([event("user_message", str(n), text, at=moment + n) for moment in moments for n in range(3)])
        with running_web(folder / "web", stage.readonly_url, saving_url=stage.saving_url) as web:
            yield web.url


def save(web_url: str, **changes: Any) -> None:
    """Make the one rule of these tests, or change it."""
    body = {"kind": "alert", "id": "busy", "name": "Busy", "value": {**RULE, **changes}}
    sent = urllib.request.Request(f"{web_url}/api/analytics/saved", data=json.dumps(body).encode(), headers=BEARER)
    with urllib.request.urlopen(sent, timeout=60) as answer:
        assert answer.status == 200


@pytest.fixture
async def chat() -> AsyncIterator[tuple[TelegramServer, Person]]:
    async with telegram_with_admin() as both:
        yield both


@pytest.fixture
def admin(chat: tuple[TelegramServer, Person]) -> Person:
    return chat[1]


@pytest.fixture
def stage(chat: tuple[TelegramServer, Person], web_url: str, tmp_path: Path) -> ChatStage:
    return ChatStage(
        FACTORY, chat[0], web_url, tmp_path / "alerts", datetime.now(UTC), INTERVAL_S="0.05", AWAY_AFTER="2"
    )


async def told(stage: ChatStage, count: int) -> None:
    await until(lambda: stage.sent() == count)


async def test_it_tells_when_an_alert_begins_and_when_it_is_over(
    stage: ChatStage, web_url: str, admin: Person, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    save(web_url, threshold=100)
    async with stage.plugin():
        save(web_url)
        lines = str((await admin.next_message())["text"]).splitlines()
        await told(stage, 1)
    assert lines[0] == "Alert: Busy"
    assert lines[1].startswith("Messages: ")
    assert lines[2] == "up to 2 is normal"
    assert lines[3].startswith("https://stats.example/analytics?from=20")
    assert lines[3].endswith("&filter=not+language%3Afr")
    async with stage.plugin(LANGUAGE="ru"):  # a restart repeats nothing
        save(web_url, threshold=100)
        lines = str((await admin.next_message())["text"]).splitlines()
        await told(stage, 1)
    assert (lines[0], lines[2]) == ("Закончилось: Busy", "норма — до 100")
    assert CANARY not in caplog.text
    assert "CANARY" not in caplog.text
    assert WEB_TOKEN not in caplog.text


async def test_it_tells_once_that_the_web_part_is_away(
    stage: ChatStage, web_url: str, admin: Person, caplog: pytest.LogCaptureFixture
) -> None:
    save(web_url, threshold=100)
    async with stage.plugin(WEB_URL="http://127.0.0.1:9"):
        text = str((await admin.next_message())["text"])
        await told(stage, 1)
    assert text.startswith("Chattrail: figures are not watched, the web part can't be reached")
    async with stage.plugin(WEB_TOKEN="ct_wrong"):  # another start, another reason
        await until(lambda: caplog.text.count("CHATTRAIL_SIDECAR_FIGURE_ALERTS_WEB_TOKEN") > 2)
    async with stage.plugin():
        assert (await admin.next_message())["text"] == "Chattrail: figures are watched again."


def test_in_its_quiet_time_a_rule_begins_no_other_alert() -> None:
    began = Told().next(True, 3600, 10_000)
    assert began == Told(True, 10_000)
    assert began.next(True, 3600, 10_060) is None
    over = began.next(False, 3600, 10_120)
    assert over == Told(False, 10_000)
    assert over.next(True, 3600, 13_599) is None
    assert over.next(True, 3600, 13_600) == Told(True, 13_600)
