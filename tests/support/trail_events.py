"""Events of a trail as pages get them, for tests without a database."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from web.analytics.trail_models import TrailEvent

START = datetime(2026, 11, 22, 22, 58, 0, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Berlin")


def event(
    type_: str, second: float = 0, *, text: str = "", message_id: int = 0, update_id: int = 0, **attributes: str
) -> TrailEvent:
    """An event some seconds after START; `chattrail__side=` is the attribute chattrail.side."""
    given_attributes = {name.replace("__", "."): value for name, value in attributes.items()}
    at = START + timedelta(seconds=second)
    return TrailEvent(
        id=f"{type_}-{second}", type=type_, at=at, sequence=1, session_id="s", chat_id="1", update_id=update_id,
        message_id=message_id, persona_id="", story_id="", text=text, attributes=given_attributes, image=None, error=None,
    )  # fmt: skip
