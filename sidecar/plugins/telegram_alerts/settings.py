"""Settings of the alerts."""

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, SecretStr

from common.settings import CommaList
from sidecar.plugins.outbox import OutboxSettings
from sidecar.plugins.telegram_alerts.rules import rule_of


def _rules(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        rule_of(text, at_least=1)
    if len(set(texts)) != len(texts):
        raise ValueError("a rule is written twice")
    return texts


class TelegramAlertsSettings(OutboxSettings):
    """The rules, and the chat that gets the alerts."""

    prefix: ClassVar[str] = "SIDECAR_TELEGRAM_ALERTS"

    token: SecretStr = Field(
        description="Token of the bot that sends the alerts; it may be another one than the watched."
    )
    chat_id: str = Field(
        pattern=r"^(-?\d+|@\w+)$",
        description="Chat to tell: its numeric id, or @name of a channel. It must know the bot.",
    )
    rules: Annotated[CommaList, AfterValidator(_rules)] = Field(
        ("ai failures > 5% in 10 min", "no events for 15 min", "pictures pending for 1 h", "first payment"),
        min_length=1,
        description="Rules, in a comma list: `ai failures > N% in T`, `image failures > N% in T`, `EVENT_TYPE > N in T`, "
        "`no events for T`, `pictures pending for T`, `first payment`. T is like 90 s, 10 min, 2 h.",
    )
    at_least: int = Field(20, ge=1, description="Events a window must hold before its share of failures counts.")
    cooldown_s: float = Field(3600.0, ge=0, description="Seconds before the same rule may speak again.")
    interval_s: float = Field(15.0, gt=0, description="Seconds between looks at the rules when no events come.")
    api_url: str = Field(
        "https://api.telegram.org", pattern=r"^https?://[^/?#@]+/?$", description="Base address of the Bot API server."
    )
    queue_size: int = Field(100, ge=1, description="Alerts that may wait to be sent; more are dropped.")
