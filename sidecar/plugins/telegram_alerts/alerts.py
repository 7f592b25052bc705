"""The alerts: events in, rules looked at after each batch and on a beat, messages out through the Bot API."""

import asyncio
import json
from collections import OrderedDict
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from chattrail.events import EVENT_TYPES
from common.waiting import end
from sidecar.errors import RetryableError
from sidecar.otlp.batch import Batch
from sidecar.plugin import Context
from sidecar.plugins.outbox import Outbox
from sidecar.plugins.telegram_alerts.rules import Moment, Rule, rule_of
from sidecar.plugins.telegram_alerts.settings import TelegramAlertsSettings
from sidecar.plugins.telegram_chat import TelegramChat
from sidecar.telemetry import metrics as telemetry

REMEMBERED_EVENTS = 50_000  # a resent batch must not count twice; doubles come soon or are old news


@dataclass(frozen=True, slots=True)
class Alert:
    """A message to send, and the rule to silence for good once it has left."""

    text: str
    once: str | None


class TelegramAlerts:
    """`handle` counts and queues; alerts leave on their own."""

    events: frozenset[str] | None = frozenset(EVENT_TYPES)

    def __init__(self, config: TelegramAlertsSettings, context: Context) -> None:
        self._config = config
        self._context = context
        self._rules: list[Rule] = []
        self._quiet_until: dict[str, float] = {}
        self._known: OrderedDict[str, None] = OrderedDict()
        self._chat: TelegramChat | None = None
        self._outbox: Outbox[Alert] | None = None
        self._closing = AsyncExitStack()

    async def start(self) -> None:
        """Check the token and begin to watch. Raises RetryableError while Telegram is away, PermanentError for a wrong token."""
        if self._outbox is not None:
            return
        config = self._config
        async with AsyncExitStack() as opened:
            self._chat = TelegramChat(config)
            opened.push_async_callback(self._chat.close)
            await self._chat.check()
            sent = await asyncio.to_thread(_sent_once, self._context.data_directory)
            rules = [rule_of(text, at_least=config.at_least) for text in config.rules]
            self._rules = [rule for rule in rules if rule.text not in sent]
            self._outbox = Outbox("telegram_alerts", self._send, config, self._context, capacity=config.queue_size)
            opened.push_async_callback(self._outbox.stop)
            self._outbox.start()
            self._look()
            opened.push_async_callback(end, asyncio.create_task(self._keep_looking(), name="telegram_alerts beat"))
            self._closing = opened.pop_all()

    async def handle(self, batch: Batch) -> None:
        """Let the rules see the batch's events, each event once, then look at them."""
        if self._outbox is None:
            raise RetryableError("the alerts have not started")
        now = self._now()
        for event in batch.events(frozenset(EVENT_TYPES)):
            if event.event_id and event.event_id in self._known:
                continue
            self._known[event.event_id] = None
            for rule in self._rules:
                rule.observe(event, now)
        while len(self._known) > REMEMBERED_EVENTS:
            self._known.popitem(last=False)
        self._look()

    async def shutdown(self) -> None:
        """Send what waits within the limit, then close."""
        self._outbox = None
        await self._closing.aclose()  # closes the connections too when the sidecar's own limit is shorter

    def _now(self) -> Moment:
        clock, metrics = self._context.clock, self._context.metrics
        # the archive's gauges, of the same process; without it they are 0
        waiting, oldest = metrics.value(telemetry.IMAGES_PENDING), metrics.value(telemetry.IMAGES_OLDEST_PENDING)
        return Moment(clock.now().timestamp(), clock.monotonic(), int(waiting), oldest)

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(self._config.interval_s)
            self._look()

    def _look(self) -> None:
        now = self._now()
        for rule in list(self._rules):
            if now.steady < self._quiet_until.get(rule.text, now.steady):
                continue
            said = rule.check(now)
            if said is None or self._outbox is None:
                continue
            self._quiet_until[rule.text] = now.steady + self._config.cooldown_s
            if self._outbox.put(Alert(f"Chattrail: {said}", rule.text if rule.once else None)) and rule.once:
                self._rules.remove(rule)

    async def _send(self, alert: Alert) -> None:
        assert self._chat is not None
        await self._chat.send(alert.text, about="the alert")
        if alert.once:
            try:
                await asyncio.to_thread(_remember, self._context.data_directory, alert.once)
            except OSError as error:  # it has been sent: to raise would send it again at once
                self._context.logger.warning("the record of sent alerts can't be written: %s", error.strerror)


def _sent_once(folder: Path) -> set[str]:
    """Return the rules that sent their one alert in the life of a deployment: a restart must not report it again.

    A file, of any release, that can't be read is empty: an alert twice is the lesser harm.
    """
    found: set[str] = set()
    for path in folder.glob("*.json"):
        with suppress(OSError, ValueError, TypeError):
            found |= set(json.loads(path.read_text(encoding="utf-8")))
    return found


def _remember(folder: Path, rule: str) -> None:
    """Write down that a rule has sent its one alert. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / "sent_once.new"
    fresh.write_text(json.dumps(sorted(_sent_once(folder) | {rule})), encoding="utf-8")
    fresh.replace(folder / "sent_once.json")
