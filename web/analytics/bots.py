"""Bots as the filter `bot=` names them: by Telegram's id, or by the name of their service where events have no id.

Events of a service from before it sent ids count to its bot's id when the service has had only one.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from web.errors import ParameterError

NAME_MAX = 100
LISTED_MAX = 10


@dataclass(frozen=True, slots=True)
class Bot:
    """One bot. `username` is '' when never sent; `stored` are the values of the columns `bot` that stand for it."""

    bot: str
    username: str
    stored: tuple[str, ...]

    @property
    def name(self) -> str:
        """What people call it."""
        return f"@{self.username}" if self.username else self.bot


def bots_of(rows: Iterable[tuple[str, str, str]]) -> tuple[Bot, ...]:
    """Tell bots from (service, bot id or '', username), those with the newest events first."""
    given = list(rows)
    ids: dict[str, set[str]] = defaultdict(set)
    for service, bot_id, _ in given:
        if bot_id:
            ids[service].add(bot_id)
    stored: dict[str, set[str]] = {}
    usernames: dict[str, str] = {}
    for service, bot_id, username in given:
        its = ids[service]
        bot = bot_id or (next(iter(its)) if len(its) == 1 else service)
        stored.setdefault(bot, set()).add(bot_id or service)
        usernames[bot] = usernames.get(bot) or username
    return tuple(Bot(bot, usernames[bot], tuple(sorted(values))) for bot, values in stored.items() if _is_name(bot))


def chosen(arguments: Mapping[str, str], bots: tuple[Bot, ...]) -> Bot | None:
    """The bot that `bot=` names; None when it names none. Raises ParameterError for one that there is not."""
    asked = arguments.get("bot")
    if not asked:
        return None
    found = next((each for each in bots if each.bot == asked), None)
    if found is None:
        known = ", ".join(each.bot for each in bots[:LISTED_MAX]) or "none yet"
        raise ParameterError("bot", f"must be one of the bots that have sent events ({known})")
    return found


def bound(bot: Bot | None, *others: str | None) -> tuple[str, ...]:
    """What a cursor is bound to by a bot and by other filters, those that are given."""
    names = ("bot", *map(str, range(len(others))))
    return tuple(
        f"{name}={value}" for name, value in zip(names, (bot.bot if bot else None, *others), strict=True) if value
    )


def _is_name(text: str) -> bool:
    """Whether a bot can be chosen by it in an address: what strangers call a service may be anything."""
    return 0 < len(text) <= NAME_MAX and text.isprintable() and "\N{REPLACEMENT CHARACTER}" not in text
