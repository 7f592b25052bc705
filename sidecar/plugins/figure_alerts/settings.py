"""Settings of the alerts on figures. The rules themselves are made on the pages."""

from typing import ClassVar, Literal

from pydantic import Field

from sidecar.plugins.telegram_chat import TelegramChatSettings
from sidecar.plugins.web_api import WebApiSettings


class FigureAlertsSettings(WebApiSettings, TelegramChatSettings):
    """Where the rules and figures come from, and the chat that gets the alerts."""

    prefix: ClassVar[str] = "SIDECAR_FIGURE_ALERTS"

    language: Literal["en", "ru"] = Field("en", description="Language of the alerts: en or ru.")
    interval_s: float = Field(60.0, gt=0, description="Seconds between looks at the figures.")
    away_after: int = Field(
        5, ge=1, le=1000, description="Looks in a row that must fail before the chat is told that nothing is watched."
    )
    queue_size: int = Field(100, ge=1, description="Alerts that may wait to be sent; more are dropped.")
