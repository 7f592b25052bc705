"""The alerts on figures: how the rules stand is asked of the web part on a beat, and what has changed is sent."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from common.waiting import end
from sidecar.errors import PermanentError, RetryableError
from sidecar.otlp.batch import Batch
from sidecar.plugin import Context
from sidecar.plugins.figure_alerts.memory import Told, read_told, write_told
from sidecar.plugins.figure_alerts.message import WORDS, alert
from sidecar.plugins.figure_alerts.settings import FigureAlertsSettings
from sidecar.plugins.outbox import Outbox
from sidecar.plugins.telegram_chat import TelegramChat
from sidecar.plugins.web_api import WebApi

WEB_PART = ""  # stands for the web part among the ids of rules, of which none is empty


@dataclass(frozen=True, slots=True)
class Message:
    """A text to send, and what has been told of a rule once it has left."""

    text: str
    rule: str
    told: Told


class FigureAlerts:
    """Looks at the clock; batches are none of its business."""

    events: frozenset[str] | None = frozenset()

    def __init__(self, config: FigureAlertsSettings, context: Context) -> None:
        self._config, self._context = config, context
        self._file = context.data_directory / "told.json"
        self._queued: dict[str, Told] = {}  # what was told or waits to be
        self._sent: dict[str, Told] = {}
        self._failed_looks = 0
        self._chat: TelegramChat | None = None
        self._web: WebApi | None = None
        self._outbox: Outbox[Message] | None = None
        self._closing = AsyncExitStack()

    async def start(self) -> None:
        """Check Telegram's token and begin to look. Raises RetryableError and PermanentError."""
        if self._outbox is not None:
            return
        config = self._config
        async with AsyncExitStack() as opened:
            self._chat = TelegramChat(config)
            opened.push_async_callback(self._chat.close)
            await self._chat.check()
            self._web = WebApi(config, config.timeout_s)
            opened.push_async_callback(self._web.close)
            self._sent = await asyncio.to_thread(read_told, self._file)
            self._queued = dict(self._sent)
            self._outbox = Outbox("figure_alerts", self._send, config, self._context, capacity=config.queue_size)
            opened.push_async_callback(self._outbox.stop)
            self._outbox.start()
            opened.push_async_callback(end, asyncio.create_task(self._keep_looking(), name="figure_alerts beat"))
            self._closing = opened.pop_all()

    async def handle(self, batch: Batch) -> None:
        """No batch is of interest. Raises RetryableError before the start."""
        if self._outbox is None:
            raise RetryableError("the alerts on figures have not started")

    async def shutdown(self) -> None:
        """Send what waits within the limit, then close."""
        self._outbox = None
        await self._closing.aclose()

    async def _keep_looking(self) -> None:
        while True:
            try:
                await self._look()
                self._failed_looks = 0
            except (RetryableError, PermanentError) as error:
                self._failed_looks += 1
                self._context.logger.warning("the figures can't be looked at: %s", error)
                if self._failed_looks >= self._config.away_after:
                    self._change(WEB_PART, True, 0, self._words("away").format(reason=error))
            await asyncio.sleep(self._config.interval_s)

    async def _look(self) -> None:
        assert self._web is not None
        found = await self._web.get("alerts")
        try:
            states = {str(state["id"]): state for state in found["alerts"]}
            for key, state in states.items():
                if not state["fault"]:  # the page says what is wrong with the rule
                    self._change(
                        key, bool(state["holds"]), state["quiet_h"] * 3600, self._text(state, found["timezone"])
                    )
        except (KeyError, TypeError, ValueError) as error:
            kind = type(error).__name__
            raise PermanentError(f"its alerts are not as expected ({kind}); is it of the same release?") from None
        for gone in self._queued.keys() - states.keys() - {WEB_PART}:
            del self._queued[gone]  # who deleted the rule knows
        self._change(WEB_PART, False, 0, self._words("back"))

    def _change(self, rule: str, holds: bool, quiet_s: float, text: str) -> None:
        told = self._queued.get(rule, Told()).next(holds, quiet_s, self._context.clock.now().timestamp())
        if told is not None and self._outbox is not None and self._outbox.put(Message(text, rule, told)):
            self._queued[rule] = told

    def _text(self, state: Any, timezone: str) -> str:
        return alert(state, timezone, self._config.language, self._config.public_url)

    def _words(self, name: str) -> str:
        return WORDS[self._config.language][name]

    async def _send(self, message: Message) -> None:
        assert self._chat is not None
        await self._chat.send(message.text, about="the alert")
        known = {key: told for key, told in self._sent.items() if key in self._queued}
        self._sent = {**known, message.rule: message.told}
        try:
            await asyncio.to_thread(write_told, self._file, self._sent)
        except OSError as error:  # it has been sent: to raise would send it again at once
            self._context.logger.warning("what was told can't be written: %s", error.strerror)
