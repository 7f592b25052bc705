"""What plugins have in common that look at something of the web part on a beat, and write to an admin chat what came of it."""

import asyncio
from abc import ABC, abstractmethod
from contextlib import AsyncExitStack
from typing import ClassVar, Generic, Literal, TypeVar

from pydantic import Field

from common.waiting import end
from sidecar.errors import RetryableError
from sidecar.otlp.batch import Batch
from sidecar.plugin import Context
from sidecar.plugins.outbox import Outbox
from sidecar.plugins.telegram_chat import TelegramChat, TelegramChatSettings
from sidecar.plugins.web_api import WebApi, WebApiSettings

Item = TypeVar("Item")


class ChatOnABeatSettings(WebApiSettings, TelegramChatSettings):
    """Where the figures come from, and the chat that is written to; the settings of such a plugin inherit it."""

    language: Literal["en", "ru"] = Field("en", description="Language of the messages: en or ru.")
    interval_s: float = Field(60.0, gt=0, description="Seconds between looks.")


class ChatOnABeat(ABC, Generic[Item]):
    """Looks on a beat; batches are none of its business. What is put into `outbox` is sent in order, and tried again."""

    events: frozenset[str] | None = frozenset()
    name: ClassVar[str]

    def __init__(self, settings: ChatOnABeatSettings, context: Context, *, capacity: int) -> None:
        self._settings, self.context, self._capacity = settings, context, capacity
        self._is_started = False
        self._closing = AsyncExitStack()

    async def start(self) -> None:
        """Check Telegram's token and begin to look. Raises RetryableError and PermanentError."""
        if self._is_started:
            return
        async with AsyncExitStack() as opened:
            self.chat = TelegramChat(self._settings)
            opened.push_async_callback(self.chat.close)
            await self.chat.check()
            self.web = WebApi(self._settings, self._settings.timeout_s)
            opened.push_async_callback(self.web.close)
            await asyncio.to_thread(self.remember)
            self.outbox: Outbox[Item] = Outbox(
                self.name, self.send, self._settings, self.context, capacity=self._capacity
            )
            opened.push_async_callback(self.outbox.stop)
            self.outbox.start()
            opened.push_async_callback(end, asyncio.create_task(self._keep_looking(), name=f"{self.name} beat"))
            self._closing = opened.pop_all()
        self._is_started = True

    async def handle(self, batch: Batch) -> None:
        """No batch is of interest. Raises RetryableError before the start."""
        if not self._is_started:
            raise RetryableError(f"{self.name} has not started")

    async def shutdown(self) -> None:
        """Send what waits within the limit, then close."""
        self._is_started = False
        await self._closing.aclose()

    async def _keep_looking(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(self._settings.interval_s)

    @abstractmethod
    def remember(self) -> None:
        """Read what was told before, once at the start, in a thread."""

    @abstractmethod
    async def look(self) -> None:
        """Put into the outbox what is to be told now. It raises nothing."""

    @abstractmethod
    async def send(self, item: Item) -> None:
        """Write one item to the chat. Raises RetryableError and PermanentError."""
