"""The webhook against a server that checks signatures as a stranger's would."""

import contextlib
import hashlib
import hmac
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from common.settings import SettingsError
from sidecar.errors import RetryableError
from sidecar.plugin import Plugin
from sidecar.plugins.outbox import LONGEST_WAIT_S
from sidecar.plugins.webhook import FACTORY
from sidecar.plugins.webhook.delivery import Webhook
from sidecar.telemetry import metrics as telemetry
from sidecar.telemetry.metrics import Metrics
from tests.support import otlp
from tests.support.archives import batch_of
from tests.support.clock import FakeClock
from tests.support.plugin_support import build, events
from tests.support.receivers import Latch, until

SECRET = "a key of sixteen or more"
CANARY = "the fox said something private"


class Target:
    """The far side: keeps deliveries whose signature holds, and answers as planned."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[web.Request] = []
        self.bodies: list[bytes] = []
        self.answers: list[web.Response] = []
        self.latch = Latch()

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.requests.append(request)
        await self.latch.wait()
        time, _, signed = request.headers["Chattrail-Signature"].removeprefix("t=").partition(",v1=")
        expected = hmac.new(SECRET.encode(), time.encode() + b"." + body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, signed):
            return web.Response(status=403)
        if self.answers:
            return self.answers.pop(0)
        self.bodies.append(body)
        return web.Response(status=204)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for body in self.bodies for event in json.loads(body)["events"]]


@pytest.fixture
async def target() -> AsyncIterator[Target]:
    target, app = Target(), web.Application()
    app.router.add_route("*", "/{rest:.*}", target.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    target.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook?key=url-canary"
    yield target
    target.latch.set()
    await runner.cleanup()


@contextlib.asynccontextmanager
async def webhook(url: str, clock: FakeClock, **settings: str) -> AsyncIterator[tuple[Plugin, Metrics]]:
    given = {"URL": url, "SECRET": SECRET, "BACKOFF_S": "0.01", "FLUSH_S": "2", "EVENTS": "command,ai_message"}
    plugin, metrics = build(FACTORY, Path("unused"), clock, **(given | settings))
    await plugin.start()
    try:
        yield plugin, metrics
    finally:
        await plugin.shutdown()


async def test_chosen_events_arrive_signed_with_the_clocks_time(target: Target) -> None:
    clock = FakeClock()
    async with webhook(target.url, clock) as (plugin, metrics):
        batch = batch_of(
            otlp.event(
                "command", user="7", at=clock.time_ns(), event_id="e-1", attributes={"chattrail.command.name": "help"}
            ),
            otlp.event("user_message", user="7"),
        )
        await plugin.handle(batch)
        await until(lambda: target.bodies)
    assert target.requests[0].method == "POST"
    assert target.requests[0].headers["Chattrail-Signature"].startswith(f"t={clock.time_ns() // 10**9},v1=")
    assert target.requests[0].content_type == "application/json"
    assert target.events == [
        {
            "id": "e-1",
            "type": "command",
            "at": "2026-03-01T12:00:00.000000+00:00",
            "user_id": "7",
            "service": "test-bot",
            "instance": "i-1",
            "attributes": {"chattrail.command.name": "help"},
        }
    ]
    assert metrics.value(telemetry.OUTBOX_DELIVERED, plugin="webhook") == 1


async def test_a_signature_with_another_key_would_be_noticed(target: Target) -> None:
    clock = FakeClock()
    async with webhook(target.url, clock, SECRET="another key, long enough") as (plugin, metrics):
        await plugin.handle(events("command", clock=clock))
        await until(lambda: metrics.value(telemetry.OUTBOX_LOST, plugin="webhook", reason="refused"))
    assert target.bodies == []


@pytest.mark.parametrize("allowed", [False, True])
async def test_texts_leave_only_when_a_setting_allows(target: Target, allowed: bool) -> None:
    clock = FakeClock()
    private = {"chattrail__message__text": CANARY, "strangers__own": CANARY, "gen_ai__request__model": "m"}
    async with webhook(target.url, clock, MESSAGE_TEXT=str(allowed).lower()) as (plugin, _):
        await plugin.handle(events("ai_message", clock=clock, chattrail__image__data=b"\x89PNG", **private))
        await until(lambda: target.bodies)
    (event,) = target.events
    assert event["attributes"]["gen_ai.request.model"] == "m"
    assert (CANARY.encode() in target.bodies[0]) is allowed
    assert "chattrail.image.data" not in event["attributes"]


async def test_of_properties_texts_alone_are_private(target: Target) -> None:
    clock = FakeClock()
    sent = {"custom__name": "quiz", "property__answer": CANARY, "property__score": 3, "property__passed": True}
    async with webhook(target.url, clock, EVENTS="custom", MESSAGE_TEXT="false") as (plugin, _):
        await plugin.handle(
            events("custom", clock=clock, **{f"chattrail__{name}": value for name, value in sent.items()})
        )
        await until(lambda: target.bodies)
    (event,) = target.events
    start = "chattrail.property."
    assert event["attributes"] == {"chattrail.custom.name": "quiz", f"{start}score": 3, f"{start}passed": True}


async def test_failures_are_tried_again_under_the_same_name_and_a_fresh_signature(target: Target) -> None:
    clock = FakeClock()
    target.answers = [web.Response(status=status) for status in (500, 429, 503)]
    async with webhook(target.url, clock) as (plugin, metrics):
        await plugin.handle(events("command", clock=clock))
        await until(lambda: target.bodies)
    assert len(target.requests) == 4
    assert len({request.headers["Chattrail-Delivery"] for request in target.requests}) == 1
    assert metrics.value(telemetry.OUTBOX_RETRIES, plugin="webhook") == 3


@pytest.mark.parametrize(
    ("asked", "after"), [("7", 7.0), ("Fri, 01 Jan 2100 00:00:00 GMT", LONGEST_WAIT_S), ("soon", 0.0)]
)
async def test_the_far_side_may_say_when(target: Target, asked: str, after: float) -> None:
    target.answers = [web.Response(status=503, headers={"Retry-After": asked})]
    async with webhook(target.url, FakeClock()) as (plugin, _):
        assert isinstance(plugin, Webhook)
        with pytest.raises(RetryableError) as caught:
            await plugin._post(b"{}")
    assert caught.value.after == after


@pytest.mark.parametrize(
    ("status", "tries", "reason"), [(404, 1, "refused"), (302, 1, "refused"), (500, 3, "attempts")]
)
async def test_what_is_given_up_is_counted_and_the_next_one_delivered(
    target: Target, status: int, tries: int, reason: str
) -> None:
    clock = FakeClock()
    target.answers = [web.Response(status=status, headers={"Location": "/elsewhere"}) for _ in range(tries)]
    async with webhook(target.url, clock, ATTEMPTS="3") as (plugin, metrics):
        await plugin.handle(events("command", clock=clock))
        await plugin.handle(events("ai_message", clock=clock))
        await until(lambda: target.bodies)
    assert len(target.requests) == tries + 1
    assert [event["type"] for event in target.events] == ["ai_message"]
    assert metrics.value(telemetry.OUTBOX_LOST, plugin="webhook", reason=reason) == 1


async def test_a_far_side_that_never_answers_is_timed_out_and_the_queue_stays_bounded(target: Target) -> None:
    clock = FakeClock()
    target.latch.clear()
    limits = {"TIMEOUT_S": "0.05", "ATTEMPTS": "100", "QUEUE_BYTES": "1024", "FLUSH_S": "0"}
    async with webhook(target.url, clock, **limits) as (plugin, metrics):
        for _ in range(20):
            await plugin.handle(events("command", clock=clock))
        lost = metrics.value(telemetry.OUTBOX_LOST, plugin="webhook", reason="full")
        assert 14 <= lost < 20
        await until(lambda: len(target.requests) >= 2)  # the first attempt was given up
        target.latch.set()
        await until(lambda: metrics.value(telemetry.OUTBOX_DELIVERED, plugin="webhook") == 20 - lost)


async def test_what_waits_at_the_end_is_delivered_or_counted(target: Target) -> None:
    clock = FakeClock()
    async with webhook(target.url, clock) as (plugin, metrics):
        await plugin.handle(events(*["command"] * 250, clock=clock))
    assert len(target.events) == 250
    assert metrics.value(telemetry.OUTBOX_DELIVERED, plugin="webhook") == 3
    target.latch.clear()
    async with webhook(target.url, clock, FLUSH_S="0.05") as (plugin, metrics):
        await plugin.handle(events("command", clock=clock))
    assert metrics.value(telemetry.OUTBOX_LOST, plugin="webhook", reason="shutdown") == 1


async def test_no_secret_and_no_text_in_logs(target: Target, caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        away = f"http://user:url-canary@127.0.0.1:{nobody.getsockname()[1]}/url-canary"
        caplog.set_level("DEBUG")
        async with webhook(away, clock, ATTEMPTS="2", MESSAGE_TEXT="true") as (plugin, metrics):
            await plugin.handle(events("ai_message", clock=clock, chattrail__message__text=CANARY))
            await until(lambda: metrics.value(telemetry.OUTBOX_LOST, plugin="webhook", reason="attempts"))
    assert "can't be reached" in caplog.text
    for secret in (SECRET, CANARY, "url-canary"):
        assert secret not in caplog.text


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"URL": "http://example.org/hook"}, "must be https"),
        ({"URL": "ftp://example.org"}, "must be an https address"),
        ({"URL": "https://[::1"}, "must be an https address"),
        ({"SECRET": "short"}, "_SECRET: "),
        ({"EVENTS": "premium_actoin"}, "did you mean premium_action?"),
    ],
)
def test_wrong_settings_are_told(settings: dict[str, str], message: str) -> None:
    given = {"URL": "https://example.org/hook", "SECRET": SECRET} | settings
    with pytest.raises(SettingsError, match=message.replace("?", r"\?")) as caught:
        FACTORY.config.load({f"CHATTRAIL_SIDECAR_WEBHOOK_{name}": value for name, value in given.items()})
    assert "short" not in str(caught.value).replace("at least", "")
