"""Settings of the alerts."""

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from common.settings import CommaList
from sidecar.plugins.telegram_alerts.rules import rule_of
from sidecar.plugins.telegram_chat import TelegramChatSettings


def _rules(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        rule_of(text, at_least=1)
    if len(set(texts)) != len(texts):
        raise ValueError("a rule is written twice")
    return texts


class TelegramAlertsSettings(TelegramChatSettings):
    """The rules, and the chat that gets the alerts."""

    prefix: ClassVar[str] = "SIDECAR_TELEGRAM_ALERTS"

    rules: Annotated[CommaList, AfterValidator(_rules)] = Field(
        ("ai failures > 5% in 10 min", "no events for 15 min", "pictures pending for 1 h", "first payment"),
        min_length=1,
        description="Rules, in a comma list: `ai failures > N% in T`, `image failures > N% in T`, `EVENT_TYPE > N in T`, "
        "`no events for T`, `pictures pending for T`, `first payment`. T is like 90 s, 10 min, 2 h.",
    )
    at_least: int = Field(20, ge=1, description="Events a window must hold before its share of failures counts.")
    cooldown_s: float = Field(3600.0, ge=0, description="Seconds before the same rule may speak again.")
    interval_s: float = Field(15.0, gt=0, description="Seconds between looks at the rules when no events come.")
    queue_size: int = Field(100, ge=1, description="Alerts that may wait to be sent; more are dropped.")
