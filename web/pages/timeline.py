"""A trail as a chat: events become bubbles, badges and failures, grouped into turns and days.

The order of the events stays, newest or oldest first. Consecutive messages of one side within one minute are a turn;
One message has one bubble, which stands where the message
was sent: its caption, edits and deletion and reactions to it are shown in it, and an album's messages share a bubble.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from web.analytics.trail_models import ALBUM, Session, TrailEvent
from web.pages.event_fallback import log_unshown
from web.pages.message_history import DELETION, EDIT, REACTION, SIDES, MessageHistory, Messages, side_of
from web.pages.timeline_badges import badge, failure
from web.pages.timeline_blocks import Bubble, Day, Reference, SessionStart, Turn, Unshown
from web.pages.timeline_bubbles import bubble, lone_edit


def timeline(
    events: Iterable[TrailEvent],
    zone: ZoneInfo,
    related: Iterable[TrailEvent] = (),
    sessions: Mapping[str, Session] | None = None,
) -> list[Day]:
    """Turn events, in the order they come, into days of blocks. `related` are others about the same messages, `sessions` those
    whose beginnings get a line.
    """
    shown = list(events)
    messages = Messages([*shown, *related])
    made = _Timeline(messages, {event.id for event in shown}, zone, dict(sessions or {}))
    for event in shown:
        made.add(event)
    return made.days


class _Timeline:
    def __init__(self, messages: Messages, shown: set[str], zone: ZoneInfo, sessions: dict[str, Session]) -> None:
        self.days: list[Day] = []
        self._messages = messages
        self._shown = shown
        self._zone = zone
        self._sessions = sessions
        self._albums: dict[tuple[str, str, str], Bubble] = {}

    def add(self, event: TrailEvent) -> None:
        """Add an event, unless it is shown in the bubble of its message."""
        history = self._messages.of(event)
        if history is not None and history.first.id != event.id and history.first.id in self._shown:
            return
        local = event.at.astimezone(self._zone)
        if not self.days or self.days[-1].date != local.date():
            self.days.append(Day(local.date()))
        session = self._sessions.get(event.session_id)
        if session is not None and session.begin == event.at:
            del self._sessions[event.session_id]
            self.days[-1].blocks.append(SessionStart(event.id, event.at, event.type, session.length_ms))
        part = self._part(event, history)
        if isinstance(part, Bubble):
            self._add_bubble(part, event, local)
        else:
            self.days[-1].blocks.append(part)

    def _part(self, event: TrailEvent, history: MessageHistory | None) -> Bubble | Unshown:
        try:
            if event.error is not None:
                return failure(event)
            if history is None:
                return (
                    bubble(MessageHistory(event, side_of(event)), self._messages)
                    if _is_message(event)
                    else badge(event)
                )
            if event.id == history.first.id:
                made = bubble(history, self._messages)
                made.anchors = [event.id, *(anchor for anchor in made.anchors[1:] if anchor in self._shown)]
                return made
            if event.type in (DELETION, REACTION):
                made_badge = badge(event)
                made_badge.about = Reference(history.first, history.newest)
                return made_badge
            return lone_edit(event, history)
        except Exception as error:
            log_unshown(event.id, error)
            return Unshown(event.id, event.at, event.type)

    def _add_bubble(self, part: Bubble, event: TrailEvent, local: datetime) -> None:
        side = side_of(event)
        album = event.attributes.get(ALBUM, "")
        if album and not part.is_edit:
            head = self._albums.setdefault((side, event.chat_id, album), part)
            if head is not part:
                head.parts.append(part)
                return
        blocks = self.days[-1].blocks
        last = blocks[-1] if blocks else None
        minute = local.replace(second=0, microsecond=0)
        if not isinstance(last, Turn) or last.side != side or last.at != minute:
            last = Turn(side, minute)
            blocks.append(last)
        last.bubbles.append(part)


def _is_message(event: TrailEvent) -> bool:
    return event.type in SIDES or event.type == EDIT
