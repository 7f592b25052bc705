"""The whole bot against the simulated Telegram, with every event it emits captured."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from aiogram.types import Message

from bot.app import Application, build
from bot.logs import analytics_filter
from bot.runner import run
from bot.settings import BotSettings
from chattrail.export.pipeline import create_tracker
from stack.simulators.telegram.person import Person
from stack.simulators.telegram.server import TelegramServer
from tests.support.clock import FakeClock
from tests.support.fakes.otlp_receiver import OtlpReceiver, Received

TOKEN = "42:TEST-token"


class RunningBot:
    """A bot that polls, and what it tells analytics."""

    def __init__(self, app: Application, telegram: TelegramServer, inbox: OtlpReceiver, clock: FakeClock) -> None:
        self.app = app
        self.telegram = telegram
        self.clock = clock
        self.inbox = inbox

    async def settled(self) -> None:
        """Wait until the bot is done with what it has taken: people see a message before the bot hears it arrived."""
        while tasks := set(self.app.dispatcher._handle_update_tasks):
            await asyncio.wait(tasks, timeout=10)

    async def time_passes(self, **span: float) -> None:
        """Let the bot's clock jump, between two updates."""
        await self.settled()
        self.clock.advance(timedelta(**span).total_seconds())

    async def events(self, kind: str | None = None, of: Person | None = None) -> list[Received]:
        """All events so far, in their order; they are flushed first."""
        await self.settled()
        assert await asyncio.to_thread(self.app.tracker.flush, 10)
        found = sorted(self.inbox.records, key=lambda record: record.attributes["event.sequence"])
        return [
            record
            for record in found
            if kind in (None, record.type) and (of is None or record.attributes["user.id"] == str(of.id))
        ]

    async def attributes(self, kind: str, of: Person | None = None) -> list[dict[str, Any]]:
        """The attributes of all events of a type."""
        return [record.attributes for record in await self.events(kind, of)]


@asynccontextmanager
async def running_bot(**settings: str) -> AsyncIterator[RunningBot]:
    """Run the bot; settings are given as CHATTRAIL_BOT_* without the prefix, in lower case."""
    clock = FakeClock(datetime(2026, 11, 22, 12, 0, tzinfo=UTC))
    with OtlpReceiver() as inbox:
        async with TelegramServer(token=TOKEN) as telegram:
            environ = {"CHATTRAIL_BOT_TELEGRAM_API_URL": telegram.url, "BOT_TOKEN": TOKEN}
            environ |= {f"CHATTRAIL_BOT_{name.upper()}": value for name, value in settings.items()}
            loaded = BotSettings.load(environ)
            tracker = create_tracker("bot-under-test", endpoint=inbox.url, before_send=analytics_filter(loaded.secrets))
            app = build(loaded, tracker, clock=clock.now)
            stop = asyncio.Event()
            task = asyncio.create_task(run(app, stop))
            try:
                yield RunningBot(app, telegram, inbox, clock)
            finally:
                stop.set()
                await asyncio.wait_for(task, 5)


async def begin_story(person: Person, persona: str = "mira", story: str = "mira_storm") -> Message:
    """Go from /start into a story; gives the persona's first words."""
    await person.send("/start")
    await person.wait(has_button(f"persona:{persona}"))
    await person.press(f"persona:{persona}")
    await person.wait(has_button(f"story:{story}"))
    await person.press(f"story:{story}")
    return await person.wait(has_button("picture:new"))


def has_button(data: str) -> Any:
    """Match messages with a button of that callback data."""

    def matches(message: Message) -> bool:
        markup = message.reply_markup
        return markup is not None and any(
            button.callback_data == data for row in markup.inline_keyboard for button in row
        )

    return matches


def says(part: str) -> Any:
    """Match messages that hold a text."""
    return lambda message: part in (message.text or "")
