"""The digest: once a day the figures of the day before are asked of the web part, and sent to the admins' chat."""

import asyncio
from datetime import date, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from sidecar.errors import PermanentError
from sidecar.plugin import Context
from sidecar.plugins.chat_on_a_beat import ChatOnABeat
from sidecar.plugins.telegram_digest.message import digest
from sidecar.plugins.telegram_digest.settings import TelegramDigestSettings

DAY = timedelta(days=1)


class TelegramDigest(ChatOnABeat[date]):
    """Looks at the clock; what is sent are days."""

    name: ClassVar[str] = "telegram_digest"

    def __init__(self, config: TelegramDigestSettings, context: Context) -> None:
        super().__init__(config, context, capacity=7)
        self._config = config
        self._zone = ZoneInfo(config.timezone)
        self._told = context.data_directory / "told"  # the newest day that needs no digest any more
        self._queued = date.min  # the last day whose digest was sent or waits to be

    def remember(self) -> None:
        """Read the newest day that needs no digest any more, or begin with the one before the next morning."""
        try:
            self._queued = datetime.strptime(self._told.read_text(encoding="ascii"), "%Y-%m-%d").date()
        except (OSError, ValueError):
            # A first start tells of no day that was over before it: whoever sets this up wants the next morning's digest.
            # It is written down, so that a restart before the first digest leaves out no day.
            self._queued = self._newest_due()
            self._write(self._queued)

    async def look(self) -> None:
        """Queue the newest day that is due. Days that a sidecar stood still for stay untold: a morning is about the last one."""
        due = self._newest_due()
        if due > self._queued and self.outbox.put(due):
            self._queued = due

    def _newest_due(self) -> date:
        """The last day that is over, and whose morning after has come as far as `at`."""
        now = self.context.clock.now().astimezone(self._zone)
        today = now.date()
        return today - DAY if now.time() >= self._config.at else today - 2 * DAY

    async def send(self, day: date) -> None:
        """Ask for the figures of a day and write them. Raises RetryableError and PermanentError."""
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
        await self.chat.send(text, about="the digest")
        await asyncio.to_thread(self._write, day)

    def _of_bot(self) -> dict[str, str]:
        return {"bot": self._config.bot} if self._config.bot else {}

    async def _stats(self, day: date) -> Any:
        """The figures of a day, by the API. Raises RetryableError while the web part is away, PermanentError for a refusal."""
        try:
            return await self.web.get("stats", {"from": day.isoformat(), "to": day.isoformat()} | self._of_bot())
        except PermanentError as error:
            setting = f"CHATTRAIL_{self._config.prefix}_BOT"
            raise PermanentError(f"{error}; is {setting} one of its bots?") from None

    def _write(self, day: date) -> None:
        fresh = self._told.with_suffix(".new")
        try:
            self._told.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_text(day.isoformat(), encoding="ascii")
            fresh.replace(self._told)
        except OSError as error:  # the digest has been sent: to raise would send it again at once
            self.context.logger.warning("the day of the last digest can't be written: %s", error.strerror)
