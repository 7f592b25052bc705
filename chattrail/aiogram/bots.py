"""The bots of a dispatcher: which tracker each has, and what Telegram calls it."""

import asyncio
import logging
import time
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass

from aiogram import Bot
from aiogram.types import User

from chattrail.aiogram.sends import Sends, sends_of
from chattrail.context import BotAccount
from chattrail.tracker import Tracker

_log = logging.getLogger("chattrail")
_PAUSE = 60.0  # seconds between two questions for a name


@dataclass(slots=True, eq=False)
class InstrumentedBot:
    """A bot with its tracker, and what sees its calls."""

    bot: Bot
    tracker: Tracker
    account: BotAccount
    sends: Sends
    webhook_replies: bool
    asked_at: float = float("-inf")
    asking: "asyncio.Task[None] | None" = None

    def follow(self, bot: Bot) -> None:
        """See the calls of the bot's session, which may be another one than before."""
        sends = sends_of(bot)
        if sends is self.sends:
            return
        if bot is self.bot:
            _log.warning("the session of bot %d was replaced: what it sent since then is not recorded", bot.id)
        self.bot, self.sends = bot, sends  # or it is another object for the same token, as some make for each update
        sends.add(bot, self.tracker)

    def learn_name(self, bot: Bot) -> None:
        """Have the bot's username found out, without waiting: aiogram knows it when it polls, and not behind a webhook."""
        if self.account.username is not None:
            return
        known = getattr(bot, "_me", None)
        if isinstance(known, User):
            self.account.username = known.username
        elif time.monotonic() - self.asked_at > _PAUSE:
            self.asked_at = time.monotonic()
            self.asking = asyncio.get_running_loop().create_task(_ask(bot), context=Context())


async def _ask(bot: Bot) -> None:
    with suppress(Exception):  # Telegram is away; the next update asks again
        await bot.me()


class Bots:
    """The bots whose updates a dispatcher handles, by id: two objects for one token are one bot."""

    def __init__(self) -> None:
        self._known: dict[int, InstrumentedBot] = {}
        self._unknown: set[int] = set()

    def add(self, bot: Bot, tracker: Tracker, *, webhook_replies: bool) -> None:
        """Add a bot, or another object of one that is known: its tracker stays."""
        known = self._known.get(bot.id)
        if known is None:
            known = InstrumentedBot(bot, tracker, tracker.bot(bot.id), sends_of(bot), webhook_replies)
            self._known[bot.id] = known
        elif known.tracker is not tracker:
            _log.warning("bot %d is instrumented already: the tracker that was given last is not used", bot.id)
        sends_of(bot).add(bot, known.tracker)

    async def at_startup(self, bots: object = None) -> None:
        """Learn the bots' names. Polling, which starts with its `bots`, asks for them itself."""
        if bots is None:
            for known in self._known.values():
                known.learn_name(known.bot)

    def of(self, bot: Bot) -> InstrumentedBot | None:
        """Return the bot of an update. One that was not instrumented has the tracker of the others, when they have one."""
        known = self._known.get(bot.id)
        if known is None:
            trackers = {id(one.tracker): one for one in self._known.values()}
            if len(trackers) != 1:
                self._warn(bot)
                return None
            (other,) = trackers.values()
            self.add(bot, other.tracker, webhook_replies=other.webhook_replies)
            known = self._known[bot.id]
        known.follow(bot)
        known.learn_name(bot)
        return known

    def _warn(self, bot: Bot) -> None:
        if bot.id not in self._unknown:
            self._unknown.add(bot.id)
            _log.warning("bot %d is not recorded: call instrument() with it and its tracker", bot.id)
