"""The alerts through the simulated Bot API: what reaches the admin, how often, and what never does."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sidecar.errors import PermanentError, RetryableError
from sidecar.plugin import Plugin
from sidecar.plugins.telegram_alerts import FACTORY
from sidecar.telemetry import metrics as telemetry
from sidecar.telemetry.metrics import Metrics
from stack.simulators.telegram.person import Person
from stack.simulators.telegram.server import TelegramServer
from tests.support.clock import FakeClock
from tests.support.plugin_support import build, events
from tests.support.receivers import until

ADMIN = 900
TOKEN = "42:ALERT-TOKEN-CANARY"
CANARY = "the fox said something private"
PAID = {
    "chattrail__premium__action": "paid",
    "chattrail__premium__amount": 250.0,
    "chattrail__premium__currency": "XTR",
}


class Stage:
    """A simulated Telegram with an admin, and the plugin on a clock that is set."""

    def __init__(self, telegram: TelegramServer, folder: Path) -> None:
        self.telegram, self.folder = telegram, folder
        self.clock = FakeClock()
        self.admin: Person = telegram.person(ADMIN, name="Admin")
        self.metrics = Metrics()

    @contextlib.asynccontextmanager
    async def plugin(self, **settings: str) -> AsyncIterator[Plugin]:
        given = {"TOKEN": TOKEN, "CHAT_ID": str(ADMIN), "API_URL": self.telegram.url, "INTERVAL_S": "0.01",
                 "BACKOFF_S": "0.01"}  # fmt: skip
        plugin, self.metrics = build(FACTORY, self.folder, self.clock, **(given | settings))
        await plugin.start()
        try:
            yield plugin
        finally:
            await plugin.shutdown()

    async def next_text(self) -> str:
        return str((await self.admin.next_message())["text"])

    @property
    def sent(self) -> int:
        return int(self.metrics.value(telemetry.OUTBOX_DELIVERED, plugin="telegram_alerts"))

    def failures(self, count: int, **attributes: Any) -> Any:
        return events(*["ai_message"] * count, clock=self.clock, error__type="timeout", **attributes)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with TelegramServer(token=TOKEN) as telegram:
        stage = Stage(telegram, tmp_path / "alerts")
        await stage.admin.send("/start")
        yield stage


async def test_failures_of_the_ai_reach_the_admin_without_any_text(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with stage.plugin() as plugin:
        await plugin.handle(stage.failures(20, chattrail__message__text=CANARY))
        assert await stage.next_text() == "Chattrail: ai failures > 5% in 10 min: now 100.0% (20 of 20)"
    assert stage.sent == 1
    assert "CANARY" not in caplog.text
    assert CANARY not in caplog.text


async def test_a_rule_that_spoke_is_quiet_for_the_cooldown_and_others_are_not(stage: Stage) -> None:
    async with stage.plugin(RULES="ai failures > 5% in 10 min, ai_message > 30 in 1 h", COOLDOWN_S="1200") as plugin:
        await plugin.handle(stage.failures(20))
        assert "20 of 20" in await stage.next_text()
        stage.clock.advance(60)
        await plugin.handle(stage.failures(20))
        assert "ai_message > 30 in 1 h: now 40" in await stage.next_text()
        stage.clock.advance(1141)
        await plugin.handle(stage.failures(25))
        assert "25 of 25" in await stage.next_text()
        await until(lambda: stage.sent == 3)
    assert stage.telegram.calls["sendMessage"] == 3


async def test_silence_is_noticed_without_any_event(stage: Stage) -> None:
    async with stage.plugin(COOLDOWN_S="0") as plugin:
        await plugin.handle(events("command", clock=stage.clock))
        stage.clock.advance(899)
        await plugin.handle(events("command", clock=stage.clock))
        stage.clock.advance(901)
        assert await stage.next_text() == "Chattrail: no events for 15 min: the last one came 15 min ago"
    assert stage.telegram.calls["sendMessage"] == 1


async def test_images_that_wait_are_told_without_any_event(stage: Stage) -> None:
    async with stage.plugin(RULES="pictures pending for 1 h", COOLDOWN_S="600") as plugin:
        stage.metrics.set(telemetry.IMAGES_PENDING, 12)
        stage.metrics.set(telemetry.IMAGES_OLDEST_PENDING, 3590)
        await plugin.handle(events("image_generated", clock=stage.clock))
        assert stage.telegram.calls.get("sendMessage", 0) == 0
        stage.metrics.set(telemetry.IMAGES_OLDEST_PENDING, 5400)
        assert await stage.next_text() == "Chattrail: pictures pending for 1 h: the oldest of 12 has waited for 90 min"
        await plugin.handle(events("image_generated", clock=stage.clock))
        await until(lambda: stage.sent == 1)
    assert stage.telegram.calls["sendMessage"] == 1


@pytest.mark.parametrize("file", ["sent_once.json", "named_by_an_earlier_release.json"])
async def test_the_first_payment_is_sent_once_in_all_lives(stage: Stage, file: str) -> None:
    async with stage.plugin() as plugin:
        await plugin.handle(events("premium_action", "premium_action", clock=stage.clock, **PAID))
        assert await stage.next_text() == "Chattrail: first payment: 250 XTR"
        await until(lambda: stage.sent)
        await plugin.handle(events("premium_action", clock=stage.clock, **PAID))
    (stage.folder / "sent_once.json").rename(stage.folder / file)
    async with stage.plugin(RULES="first payment, premium_action > 0 in 1 h") as plugin:
        await plugin.handle(events("premium_action", clock=stage.clock, **PAID))
        assert "premium_action > 0" in await stage.next_text()  # so the other rule was looked at too
    assert stage.telegram.calls["sendMessage"] == 2


async def test_a_batch_that_is_sent_again_counts_once(stage: Stage) -> None:
    async with stage.plugin(RULES="command > 3 in 1 h") as plugin:
        batch = events("command", "command", clock=stage.clock)
        for _ in range(10):
            await plugin.handle(batch)
        assert stage.telegram.calls.get("sendMessage", 0) == 0
        await plugin.handle(events("command", "command", clock=stage.clock))
        assert await stage.next_text() == "Chattrail: command > 3 in 1 h: now 4"


@pytest.mark.parametrize(
    "fault", [{"retry_after": 0}, {"code": 502}, {"hang_up": True}, {"delay": 1.0}], ids=lambda fault: next(iter(fault))
)
async def test_an_alert_survives_telegrams_moods(
    stage: Stage, fault: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    stage.telegram.fail_next("sendMessage", times=2, **fault)
    async with stage.plugin(TIMEOUT_S="0.3") as plugin:
        await plugin.handle(stage.failures(20))
        assert "20 of 20" in await stage.next_text()
        await until(lambda: stage.sent == 1)
    assert stage.metrics.value(telemetry.OUTBOX_RETRIES, plugin="telegram_alerts") == 2
    assert "CANARY" not in caplog.text


async def test_a_chat_that_cannot_be_told_is_counted_and_named_without_the_token(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    async with stage.plugin(CHAT_ID="12345") as plugin:
        await plugin.handle(stage.failures(20))
        await until(lambda: stage.metrics.value(telemetry.OUTBOX_LOST, plugin="telegram_alerts", reason="refused"))
    assert "Telegram refused the alert: Bad Request: chat not found" in caplog.text
    assert "CANARY" not in caplog.text


async def test_a_wrong_token_is_permanent_and_an_absent_telegram_is_not(stage: Stage) -> None:
    with pytest.raises(PermanentError, match="CHATTRAIL_SIDECAR_TELEGRAM_ALERTS_TOKEN") as wrong:
        async with stage.plugin(TOKEN="42:WRONG-CANARY"):
            pass
    with pytest.raises(RetryableError, match="can't be reached") as away:
        async with stage.plugin(API_URL="http://127.0.0.1:1"):
            pass
    assert "CANARY" not in f"{wrong.value}{away.value}"


async def test_what_waits_at_the_end_still_leaves(stage: Stage) -> None:
    async with stage.plugin() as plugin:
        await plugin.handle(stage.failures(20))
    assert "20 of 20" in await stage.next_text()
