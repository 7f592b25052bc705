"""The digest: once a day the figures of the day before are asked of the web part, and sent to the admins' chat."""

import asyncio
from contextlib import AsyncExitStack
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from common.waiting import end
from sidecar.errors import PermanentError, RetryableError
from sidecar.otlp.batch import Batch
from sidecar.plugin import Context
from sidecar.plugins.outbox import Outbox
from sidecar.plugins.telegram_chat import TelegramChat
from sidecar.plugins.telegram_digest.message import digest
from sidecar.plugins.telegram_digest.settings import TelegramDigestSettings
from sidecar.plugins.web_api import WebApi

DAY = timedelta(days=1)


class TelegramDigest:
    """Looks at the clock; batches are none of its business."""

    events: frozenset[str] | None = frozenset()

    def __init__(self, config: TelegramDigestSettings, context: Context) -> None:
        self._config = config
        self._context = context
        self._zone = ZoneInfo(config.timezone)
        self._told = context.data_directory / "told"  # the newest day that needs no digest any more
        self._queued: date | None = None  # the last day whose digest was sent or waits to be
        self._chat: TelegramChat | None = None
        self._web: WebApi | None = None
        self._outbox: Outbox[date] | None = None
        self._closing = AsyncExitStack()

    async def start(self) -> None:
        """Check Telegram's token and begin to watch the clock. Raises RetryableError and PermanentError."""
        if self._outbox is not None:
            return
        config = self._config
        async with AsyncExitStack() as opened:
            self._chat = TelegramChat(config)
            opened.push_async_callback(self._chat.close)
            await self._chat.check()
            self._web = WebApi(config, config.timeout_s)
            opened.push_async_callback(self._web.close)
            self._queued = await asyncio.to_thread(self._remembered)
            if self._queued is None:
                # A first start tells of no day that was over before it: whoever sets this up wants the next morning's
                # digest. It is written down, so that a restart before the first digest leaves out no day.
                self._queued = self._newest_due()
                await asyncio.to_thread(self._remember, self._queued)
            self._outbox = Outbox("telegram_digest", self._send, config, self._context, capacity=7)
            opened.push_async_callback(self._outbox.stop)
            self._outbox.start()
            opened.push_async_callback(end, asyncio.create_task(self._keep_looking(), name="telegram_digest beat"))
            self._closing = opened.pop_all()

    async def handle(self, batch: Batch) -> None:
        """No batch is of interest. Raises RetryableError before the start."""
        if self._outbox is None:
            raise RetryableError("the digest has not started")

    async def shutdown(self) -> None:
        """Send what waits within the limit, then close."""
        self._outbox = None
        await self._closing.aclose()

    async def _keep_looking(self) -> None:
        while True:
            due = self._newest_due()
            # what a sidecar that stood still for days has missed stays untold: the newest day is what a morning is about
            if self._outbox is not None and (self._queued is None or due > self._queued) and self._outbox.put(due):
                self._queued = due
            await asyncio.sleep(self._config.interval_s)

    def _newest_due(self) -> date:
        """The last day that is over, and whose morning after has come as far as `at`."""
        now = self._context.clock.now().astimezone(self._zone)
        today = now.date()
        return today - DAY if now.time() >= self._config.at else today - 2 * DAY

    async def _send(self, day: date) -> None:
        assert self._chat is not None
        stats = await self._stats(day)
        link = None
        if self._config.public_url:
            asked = {"from": day.isoformat(), "to": day.isoformat()} | self._of_bot()
            link = f"{self._config.public_url.rstrip('/')}/analytics?{urlencode(asked)}"
        try:
            text = digest(stats, day, self._config.language, link)
        except (KeyError, TypeError, ValueError) as error:
            raise PermanentError(
                f"the web part's figures are not as expected ({type(error).__name__}); is it of the same release?"
            ) from None
        await self._chat.send(text, about="the digest")
        await asyncio.to_thread(self._remember, day)

    def _of_bot(self) -> dict[str, str]:
        return {"bot": self._config.bot} if self._config.bot else {}

    async def _stats(self, day: date) -> Any:
        """The figures of a day, by the API. Raises RetryableError while the web part is away, PermanentError for a refusal."""
        assert self._web is not None
        try:
            return await self._web.get("stats", {"from": day.isoformat(), "to": day.isoformat()} | self._of_bot())
        except PermanentError as error:
            setting = f"CHATTRAIL_{self._config.prefix}_BOT"
            raise PermanentError(f"{error}; is {setting} one of its bots?") from None

    def _remembered(self) -> date | None:
        """The newest day that needs no digest any more. A file that can't be read is none: a morning untold is the lesser harm."""
        try:
            return datetime.strptime(self._told.read_text(encoding="ascii"), "%Y-%m-%d").date()
        except (OSError, ValueError):
            return None

    def _remember(self, day: date) -> None:
        fresh = self._told.with_suffix(".new")
        try:
            self._told.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_text(day.isoformat(), encoding="ascii")
            fresh.replace(self._told)
        except OSError as error:  # the digest has been sent: to raise would send it again at once
            self._context.logger.warning("the day of the last digest can't be written: %s", error.strerror)
