"""The digest, from the real web part's figures to the simulated Telegram: what the admin is told, when, and how often."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sidecar.errors import PermanentError
from sidecar.plugins.telegram_digest import FACTORY
from sidecar.telemetry import metrics as telemetry
from stack.simulators.telegram.person import Person
from stack.simulators.telegram.server import TelegramServer
from tests.support.chat_stage import WEB_TOKEN, ChatStage, telegram_with_admin
from tests.support.embedded import EmbeddedClickHouse
from tests.support.otlp import event
from tests.support.receivers import until
from tests.support.web_stage import web_stage
from tests.support.web_support import running_web

CANARY = "the fox said something private"
DAY_S = 86_400
BEFORE_NINE = datetime(2026, 3, 2, 8, 59, 30, tzinfo=UTC)
TOLD = """Chattrail, 2026-03-01
People: 3 (+200%)
New people: 2 (+100%)
Messages: 3 (+200%)
Payments: 1
Revenue: 250\u00a0★
https://stats.example/analytics?from=2026-03-01&to=2026-03-01"""


@pytest.fixture(scope="module")
def web_url(clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The real web part over two days: one person wrote on the first, three on the second, one of whom paid."""
    folder = tmp_path_factory.mktemp("digest")
    with web_stage(clickhouse, folder) as stage:
        first, second = (int(datetime(2026, *day, 12, tzinfo=UTC).timestamp()) * 10**9 for day in ((2, 28), (3, 1)))
        paid = {
            "chattrail.premium.action": "paid", "chattrail.premium.amount": 250.0, "chattrail.premium.currency": "XTR",
        }  # fmt: skip
        text = {"chattrail.message.text": CANARY}
        stage.send(
            [
                event("user_message", "1", text, at=first),
                *(event("user_message", person, text, at=second) for person in ("1", "2", "3")),
                event("premium_action", "3", paid, at=second + 1),
            ]
        )
        with running_web(folder / "web", stage.readonly_url) as web:
            yield web.url


@pytest.fixture
async def chat() -> AsyncIterator[tuple[TelegramServer, Person]]:
    async with telegram_with_admin() as both:
        yield both


@pytest.fixture
def admin(chat: tuple[TelegramServer, Person]) -> Person:
    return chat[1]


@pytest.fixture
def stage(chat: tuple[TelegramServer, Person], web_url: str, tmp_path: Path) -> ChatStage:
    return ChatStage(FACTORY, chat[0], web_url, tmp_path / "digest", BEFORE_NINE)


async def test_the_morning_tells_of_the_day_before_once(
    stage: ChatStage, admin: Person, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with stage.plugin():
        assert stage.sent() == 0
        stage.clock.advance(60)
        assert (await admin.next_message())["text"] == TOLD
        await until(lambda: stage.sent() == 1)
    async with stage.plugin():  # another start on the same day
        stage.clock.advance(3600)
    assert stage.sent() == 0
    assert CANARY not in caplog.text
    assert "CANARY" not in caplog.text
    assert WEB_TOKEN not in caplog.text


async def test_a_sidecar_that_was_down_tells_of_the_last_day_only(stage: ChatStage, admin: Person) -> None:
    async with stage.plugin():
        stage.clock.advance(60)
        await admin.next_message()
        await until(lambda: stage.sent() == 1)
    stage.clock.advance(3 * DAY_S)
    async with stage.plugin():
        text = str((await admin.next_message())["text"])
        await until(lambda: stage.sent() == 1)
    assert text.splitlines()[:2] == ["Chattrail, 2026-03-04", "Nobody did anything."]


async def test_a_first_start_in_the_afternoon_waits_for_the_next_morning(stage: ChatStage, admin: Person) -> None:
    stage.clock.advance(6 * 3600)
    async with stage.plugin(LANGUAGE="ru", TIMEZONE="Europe/Riga", AT="07:30"):
        stage.clock.advance(14.5 * 3600)  # 05:29:30 in UTC, 07:29:30 in Riga
        assert stage.sent() == 0
        stage.clock.advance(60)
        text = str((await admin.next_message())["text"])
    assert text.splitlines()[0] == "Chattrail, 02.03.2026"


async def test_it_waits_for_the_web_part_and_says_which_setting_is_wrong(
    stage: ChatStage, admin: Person, caplog: pytest.LogCaptureFixture
) -> None:
    async with stage.plugin(WEB_URL="http://127.0.0.1:9", ATTEMPTS="3"):
        stage.clock.advance(60)
        await until(
            lambda: stage.metrics.value(telemetry.OUTBOX_LOST, plugin="telegram_digest", reason="attempts") == 1
        )
    async with stage.plugin(WEB_TOKEN="ct_wrong", ATTEMPTS="2"):
        await until(lambda: "CHATTRAIL_SIDECAR_TELEGRAM_DIGEST_WEB_TOKEN" in caplog.text)
    async with stage.plugin(BOT="nobodys_bot"):
        await until(lambda: stage.metrics.value(telemetry.OUTBOX_LOST, plugin="telegram_digest", reason="refused") == 1)
    assert "CHATTRAIL_SIDECAR_TELEGRAM_DIGEST_BOT" in caplog.text
    async with stage.plugin():  # nothing was told of yet, so nothing is left out
        assert (await admin.next_message())["text"] == TOLD


async def test_an_unknown_token_ends_the_start(stage: ChatStage) -> None:
    with pytest.raises(PermanentError, match="CHATTRAIL_SIDECAR_TELEGRAM_DIGEST_TOKEN"):
        async with stage.plugin(TOKEN="43:OTHER"):
            pass
