"""Settings of the digest."""

from datetime import time
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from common.net import is_unencrypted
from sidecar.plugins.telegram_chat import TelegramChatSettings


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


class TelegramDigestSettings(TelegramChatSettings):
    """When the digest is sent, and where its figures come from."""

    prefix: ClassVar[str] = "SIDECAR_TELEGRAM_DIGEST"

    at: Annotated[time, BeforeValidator(_time)] = Field(time(9), description="Time of day to send at, such as 09:00.")
    timezone: Annotated[str, AfterValidator(_zone)] = Field(
        "UTC",
        description="Zone of that time, and of the day that is told of: that of CHATTRAIL_WEB_TIMEZONE, as a rule.",
    )
    language: Literal["en", "ru"] = Field("en", description="Language of the digest: en or ru.")
    bot: str | None = Field(
        None, description="The bot to tell of, as in `GET /api/analytics/bots`; unset: all of them."
    )
    web_url: str = Field(
        "http://127.0.0.1:8000", pattern=r"^https?://[^?#@]+$", description="Chattrail's web part, for the figures."
    )
    web_token: SecretStr = Field(description="Bearer token for the web part's API (`python -m web token`).")
    public_url: str | None = Field(
        None, pattern=r"^https?://[^?#@]+$", description="Address of the pages, for a link; unset: no link."
    )
    allow_http: bool = Field(
        False, description="Allow plain http to another machine, in a network nobody else can read."
    )
    interval_s: float = Field(15.0, gt=0, description="Seconds between looks at the clock.")
    attempts: int = Field(30, ge=1, le=100, description="Tries before a digest is given up.")

    @model_validator(mode="after")
    def _checked(self) -> Self:
        if is_unencrypted(self.web_url) and not self.allow_http:
            raise ValueError(
                f"CHATTRAIL_{self.prefix}_WEB_URL must be https: http shows the token to everybody on the way to "
                f"{urlsplit(self.web_url).hostname}; in a network of your own set CHATTRAIL_{self.prefix}_ALLOW_HTTP=true"
            )
        return self
