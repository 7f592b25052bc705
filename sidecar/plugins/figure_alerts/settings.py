"""Settings of the alerts on figures. The rules themselves are made on the pages."""

from typing import ClassVar

from pydantic import Field

from sidecar.plugins.chat_on_a_beat import ChatOnABeatSettings


class FigureAlertsSettings(ChatOnABeatSettings):
    """Where the rules and figures come from, and the chat that gets the alerts."""

    prefix: ClassVar[str] = "SIDECAR_FIGURE_ALERTS"

    away_after: int = Field(
        5, ge=1, le=1000, description="Looks in a row that must fail before the chat is told that nothing is watched."
    )
    queue_size: int = Field(100, ge=1, description="Alerts that may wait to be sent; more are dropped.")
