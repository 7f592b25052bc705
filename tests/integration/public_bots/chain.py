"""One chain for all public bots: library, OTLP, sidecar, embedded ClickHouse, the dashboard's JSON API."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.types import TelegramObject
from flask.testing import FlaskClient

from chattrail import Tracker, create_tracker
from chattrail.aiogram import instrument
from chattrail.export.processor import Limits
from stack.simulators.telegram.server import TelegramServer
from tests.support.embedded import EmbeddedClickHouse
from tests.support.web_stage import WebStage, web_stage
from tests.support.web_support import BEARER

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


@dataclass(frozen=True)
class Chain:
    """The parts behind a bot. `api` is a client of the dashboard."""

    stage: WebStage
    api: FlaskClient

    def tracker(self, name: str) -> Tracker:
        """A tracker that exports to the sidecar."""
        return create_tracker(name, endpoint=self.stage.sidecar_url, limits=Limits(delay=0.05))

    def get(self, path: str, **arguments: object) -> Any:
        """What the JSON API answers."""
        answer = self.api.get(f"/api/analytics/{path}", query_string=arguments, headers=BEARER)
        assert answer.status_code == 200, answer.text
        return answer.json

    def events(self, person: int) -> list[dict[str, Any]]:
        """All events of a person, oldest first."""
        found: list[dict[str, Any]] = []
        cursor: dict[str, object] = {}
        while True:
            page = self.get(f"users/{person}/events", order="asc", limit=200, **cursor)
            found += page["events"]
            if page["next_cursor"] is None:
                return found
            cursor = {"cursor": page["next_cursor"]}

    def people(self) -> set[str]:
        """Everybody who has a trail."""
        found: set[str] = set()
        cursor: dict[str, object] = {}
        while True:
            page = self.get("users", limit=200, **cursor)
            found |= {user["client_id"] for user in page["users"]}
            if page["next_cursor"] is None:
                return found
            cursor = {"cursor": page["next_cursor"]}


@contextmanager
def chain_on(clickhouse: EmbeddedClickHouse, folder: Path) -> Iterator[Chain]:
    """A chain with a database of its own."""
    with web_stage(clickhouse, folder) as stage:
        yield Chain(stage, stage.app().test_client())


def client(telegram: TelegramServer) -> Bot:
    """A bot's client of the simulated Telegram."""
    return Bot(telegram.token, session=AiohttpSession(api=TelegramAPIServer.from_base(telegram.url)))


@asynccontextmanager
async def running(
    dispatcher: Dispatcher, telegram: TelegramServer, chain: Chain, name: str, **options: Any
) -> AsyncIterator[Bot]:
    """A bot that polls, instrumented by the two lines; when it has ended all its events are stored."""
    bot, tracker = client(telegram), chain.tracker(name)
    handling: set[asyncio.Task[Any]] = set()

    @dispatcher.update.outer_middleware
    async def note(handler: Handler, update: TelegramObject, data: dict[str, Any]) -> Any:
        task = asyncio.current_task()
        assert task is not None
        handling.add(task)
        try:
            return await handler(update, data)
        finally:
            handling.discard(task)

    instrument(dispatcher, bot, tracker)
    polling = asyncio.create_task(
        dispatcher.start_polling(bot, handle_signals=False, polling_timeout=1, close_bot_session=False, **options)
    )
    try:
        yield bot
    finally:
        await dispatcher.stop_polling()
        await polling
        await asyncio.gather(*handling)  # aiogram does not wait for them, and what it has not heard of is no event
        await bot.session.close()
        await asyncio.to_thread(tracker.shutdown, 60.0)  # a busy machine takes its time
        assert tracker.dropped == 0
