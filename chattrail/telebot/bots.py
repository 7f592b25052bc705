"""What is known of the bots of a program: which tracker records the calls that are made with a token."""

from typing import Any

from chattrail.botapi.deferred import Deferred
from chattrail.botapi.host import Host, bot_id_of, warn_of
from chattrail.tracker import Tracker

_hosts: dict[int, Host] = {}


def host_of(token: object) -> Host | None:
    """Return what records the calls of a token; None for a bot that is not instrumented."""
    number = token.partition(":")[0] if isinstance(token, str) else ""
    return _hosts.get(int(number)) if number.isdecimal() else None


def new_host(bot: Any, tracker: Tracker, deferred: Deferred) -> Host | None:
    """Return what records a bot, from now on its calls, too; None when the bot has one."""
    seen = getattr(getattr(bot.process_new_updates, "__self__", None), "host", None)
    if isinstance(seen, Host):
        warn_of(seen, tracker)
        return None
    bot_id = bot_id_of(bot.token)
    host = _hosts[bot_id] = Host(bot_id, tracker, "telebot", deferred)
    return host
