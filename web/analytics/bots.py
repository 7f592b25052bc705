"""Bots as the filter `bot=` names them: by Telegram's id, or by the name of their service where events have no id.

The view `shown_bots` says which values of the column `bot` stand for a bot.
"""

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
    """Make bots of (bot, value of the column `bot` that stands for it, username or ''); the order and the first name stay."""
    stored: dict[str, set[str]] = {}
    usernames: dict[str, str] = {}
    for bot, value, username in rows:
        stored.setdefault(bot, set()).add(value)
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
