"""What the JSON API answers with beside the models of web/analytics."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class BotName:
    """A bot that `bot=` may name. `username` is '' when it was never sent."""

    bot: str
    username: str


@dataclass(frozen=True, slots=True)
class Bots:
    """All bots, those with the newest events first."""

    bots: tuple[BotName, ...]


@dataclass(frozen=True, slots=True)
class LoginLink:
    """A one-time link that signs its holder in."""

    url: str
    expires_at: datetime
