"""The same bot in each framework gets the same trail: polled from the simulated Telegram."""

import asyncio
import importlib
from typing import Any

import pytest

from stack.simulators.telegram.server import TelegramServer
from tests.support.recording import Recording

TELLING = (
    "chattrail.start.payload", "chattrail.command.name", "chattrail.custom.name", "chattrail.message.kind",
    "chattrail.message.text", "chattrail.premium.action", "chattrail.premium.amount", "error.type",
)  # fmt: skip
# In the order of their numbers, but for what an edit and an exception are: where those stand depends on the framework.
TRAIL = [
    ("start_command", "promo 1"),
    ("bot_message", "text", "Welcome to my bot"),
    ("user_message", "button", "Go on"),
    ("custom", "went_on"),
    ("bot_message", "notice", "Noted"),
    ("bot_message", "text", "Welcome to my bot"),
    ("command", "help"),
    ("ai_message", "Try /picture or /shop"),
    ("command", "picture"),
    ("bot_message", "photo", "A grey"),
    ("user_message", "text", "hello 🌍"),
    ("bot_message", "text", "…"),
    ("user_message", "sticker", "👍"),
    ("command", "broken"),
    ("bot_message", "text", "Something went wrong"),
    ("command", "later"),
    ("command", "shop"),
    ("premium_action", "invoice_sent", 25.0),
    ("premium_action", "paid", 25.0),
    ("bot_message", "text", "Thank you!"),
    ("bot_blocked",),
]


class Visit(Recording):
    """A person's visit, and what is recorded of it."""

    async def recorded(self, *telling: object, times: int = 1) -> None:
        """Wait until an event is recorded so often: threads may see Telegram's answer later than the person sees the message."""
        async with asyncio.timeout(10):
            while [told(event) for event in self.events].count(telling) < times:  # noqa: ASYNC110 - threads record, without an event of the loop
                await asyncio.sleep(0.02)

    async def make(self, telegram: TelegramServer) -> None:
        ann, bob = telegram.person(1001, name="Ann Lee", username="ann"), telegram.person(1002, name="Bob")
        await ann.send("/start promo 1")
        await self.recorded(*TRAIL[1])
        await ann.press("Go on")
        await ann.wait(lambda m: m.text == "Welcome to my bot")
        await self.recorded(*TRAIL[5], times=2)
        await ann.send("/help@persona_demo_bot")
        await self.recorded(*TRAIL[7])
        await ann.send("/picture")
        await self.recorded(*TRAIL[9])
        await ann.send("hello 🌍")
        await ann.wait(lambda m: m.text == "You said: hello 🌍")
        await ann.send_sticker(emoji="👍")
        await ann.send("/broken")
        await self.recorded(*TRAIL[14])
        await bob.send("hi")
        await bob.wait(lambda m: m.text == "You said: hi")
        await ann.send("/later")
        await self.recorded("bot_message", "text", "Later")
        await ann.send("/shop")
        await self.recorded(*TRAIL[17])
        await ann.pay()
        await self.recorded(*TRAIL[19])
        await ann.block()
        await self.recorded("bot_blocked")


@pytest.mark.parametrize("framework", ["aiogram", "ptb", "telebot", "async_telebot"])
async def test_the_trail_is_the_same_in_each_framework(framework: str) -> None:
    running = importlib.import_module(f"tests.integration.chattrail.frameworks.{framework}_bot").running
    visit = Visit()
    async with TelegramServer(token="42:TEST") as telegram, running("42:TEST", telegram.url, visit.tracker):
        await visit.make(telegram)
    events = sorted(visit.events, key=lambda event: event["event.sequence"])
    mine = [event for event in events if event["user.id"] == "1001"]
    edit, failed = (of_type(mine, kind) for kind in ("message_edited", "handler_failed"))
    assert [told(event) for event in mine if event not in (edit, failed)] == TRAIL
    assert told(edit) == ("message_edited", "text", "You said: hello 🌍")
    assert (failed["error.type"], failed["exception.message"]) == ("LookupError", "nothing here")
    assert failed["chattrail.handler"].endswith("broken")
    updates = {event["telegram.update.id"] for event in mine if event["type"] != "handler_failed"}
    assert failed["telegram.update.id"] in updates
    assert {event["telegram.bot.id"] for event in events} == {42}
    assert {event["session.id"] for event in mine} == {mine[0]["session.id"]}
    assert [event["event.sequence"] for event in events] == list(range(1, len(events) + 1))
    answer = of_type(mine, "ai_message")
    assert (answer["gen_ai.request.model"], answer["gen_ai.usage.input_tokens"]) == ("m", 5)
    assert "telegram.update.id" in answer
    later = next(event for event in events if told(event) == ("bot_message", "text", "Later"))
    assert (later["user.id"], "telegram.update.id" in later) == ("1002", False)
    assert mine[0]["telegram.user.name"] == "Ann Lee"
    assert visit.tracker.dropped == 0
    visit.tracker.shutdown()


def of_type(events: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (found,) = [event for event in events if event["type"] == kind]
    return found


def told(event: dict[str, Any]) -> tuple[Any, ...]:
    return (event["type"], *(event[name] for name in TELLING if name in event))
