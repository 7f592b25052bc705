"""The alerts on figures: how the rules stand is asked of the web part on a beat, and what has changed is sent."""

import asyncio
from dataclasses import dataclass
from typing import Any, ClassVar

from sidecar.errors import PermanentError, RetryableError
from sidecar.plugin import Context
from sidecar.plugins.chat_on_a_beat import ChatOnABeat
from sidecar.plugins.figure_alerts.memory import Told, read_told, write_told
from sidecar.plugins.figure_alerts.message import WORDS, alert
from sidecar.plugins.figure_alerts.settings import FigureAlertsSettings

WEB_PART = ""  # stands for the web part among the ids of rules, of which none is empty


@dataclass(frozen=True, slots=True)
class Message:
    """A text to send, and what has been told of a rule once it has left."""

    text: str
    rule: str
    told: Told


class FigureAlerts(ChatOnABeat[Message]):
    """Looks at how the rules stand."""

    name: ClassVar[str] = "figure_alerts"

    def __init__(self, config: FigureAlertsSettings, context: Context) -> None:
        super().__init__(config, context, capacity=config.queue_size)
        self._config = config
        self._file = context.data_directory / "told.json"
        self._queued: dict[str, Told] = {}  # what was told or waits to be
        self._sent: dict[str, Told] = {}
        self._failed_looks = 0

    def remember(self) -> None:
        """Read what was told of each rule."""
        self._sent = read_told(self._file)
        self._queued = dict(self._sent)

    async def look(self) -> None:
        """Queue what has changed; after some looks that failed, that nothing is watched."""
        try:
            await self._look()
            self._failed_looks = 0
        except (RetryableError, PermanentError) as error:
            self._failed_looks += 1
            self.context.logger.warning("the figures can't be looked at: %s", error)
            if self._failed_looks >= self._config.away_after:
                self._change(WEB_PART, True, 0, self._words("away").format(reason=error))

    async def _look(self) -> None:
        found = await self.web.get("alerts")
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
        told = self._queued.get(rule, Told()).next(holds, quiet_s, self.context.clock.now().timestamp())
        if told is not None and self.outbox.put(Message(text, rule, told)):
            self._queued[rule] = told

    def _text(self, state: Any, timezone: str) -> str:
        return alert(state, timezone, self._config.language, self._config.public_url)

    def _words(self, name: str) -> str:
        return WORDS[self._config.language][name]

    async def send(self, message: Message) -> None:
        """Write a message and what it tells of. Raises RetryableError and PermanentError."""
        await self.chat.send(message.text, about="the alert")
        known = {key: told for key, told in self._sent.items() if key in self._queued}
        self._sent = {**known, message.rule: message.told}
        try:
            await asyncio.to_thread(write_told, self._file, self._sent)
        except OSError as error:  # it has been sent: to raise would send it again at once
            self.context.logger.warning("what was told can't be written: %s", error.strerror)
