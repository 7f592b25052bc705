"""Settings of the digest."""

from datetime import time
from typing import Annotated, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field

from sidecar.plugins.chat_on_a_beat import ChatOnABeatSettings


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, ZoneInfoNotFoundError):
        raise ValueError(f"there is no time zone {name!r}; names look like Europe/Riga") from None
    return name


def _time(given: object) -> object:
    try:
        at = time.fromisoformat(given) if isinstance(given, str) else given
    except ValueError:
        at = None
    if not isinstance(at, time) or at.tzinfo is not None:
        raise ValueError("must be a time of day such as 09:00")
    return at


class TelegramDigestSettings(ChatOnABeatSettings):
    """When the digest is sent, and where its figures come from."""

    prefix: ClassVar[str] = "SIDECAR_TELEGRAM_DIGEST"

    at: Annotated[time, BeforeValidator(_time)] = Field(time(9), description="Time of day to send at, such as 09:00.")
    timezone: Annotated[str, AfterValidator(_zone)] = Field(
        "UTC",
        description="Zone of that time, and of the day that is told of: that of CHATTRAIL_WEB_TIMEZONE, as a rule.",
    )
    bot: str | None = Field(
        None, description="The bot to tell of, as in `GET /api/analytics/bots`; unset: all of them."
    )
    interval_s: float = Field(15.0, gt=0, description="Seconds between looks at the clock.")
    attempts: int = Field(30, ge=1, le=100, description="Tries before a digest is given up.")
