"""A plugin that writes to an admin's chat in the simulated Telegram, from figures of a real web part."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from sidecar.plugin import Factory, Plugin
from sidecar.telemetry import metrics as telemetry
from sidecar.telemetry.metrics import Metrics
from stack.simulators.telegram.person import Person
from stack.simulators.telegram.server import TelegramServer
from tests.support.clock import FakeClock
from tests.support.plugin_support import build
from tests.support.web_support import BEARER

ADMIN = 900
TOKEN = "42:CHAT-TOKEN-CANARY"
WEB_TOKEN = BEARER["Authorization"].removeprefix("Bearer ")


@asynccontextmanager
async def telegram_with_admin() -> AsyncIterator[tuple[TelegramServer, Person]]:
    """The simulated Telegram, and the admin who has said hello to the bot that writes."""
    async with TelegramServer(token=TOKEN) as server:
        admin = server.person(ADMIN, name="Admin")
        await admin.send("/start")
        yield server, admin


class ChatStage:
    """The plugin on a clock that is set, and a folder that outlives it."""

    def __init__(
        self,
        factory: Factory,
        telegram: TelegramServer,
        web_url: str,
        folder: Path,
        now: datetime,
        **settings: str,
    ) -> None:
        self.clock, self.metrics = FakeClock(now), Metrics()
        self._factory, self._folder = factory, folder
        self._settings = {
            "TOKEN": TOKEN, "CHAT_ID": str(ADMIN), "API_URL": telegram.url, "WEB_URL": web_url, "WEB_TOKEN": WEB_TOKEN,
            "PUBLIC_URL": "https://stats.example/", "INTERVAL_S": "0.01", "BACKOFF_S": "0.01", **settings,
        }  # fmt: skip

    @asynccontextmanager
    async def plugin(self, **settings: str) -> AsyncIterator[Plugin]:
        """The plugin as it runs, with some settings changed."""
        plugin, self.metrics = build(self._factory, self._folder, self.clock, **(self._settings | settings))
        await plugin.start()
        try:
            yield plugin
        finally:
            await plugin.shutdown()

    def sent(self) -> int:
        """How many messages this run of the plugin has sent."""
        return int(self.metrics.value(telemetry.OUTBOX_DELIVERED, plugin=self._factory.name))
