"""What the tracker remembers of each user of a bot: their sessions, and the persona and story that they last chose."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field, replace

from chattrail.context import EventTarget, Session, UpdateContext
from chattrail.events import Event, PersonaSelected, StorySelected
from chattrail.ids import uuid7

IDLE_NS = 30 * 60 * 1_000_000_000
_CHOICES = ((PersonaSelected, "persona_id"), (StorySelected, "story_id"))
_SESSIONS = 4  # of a user: a backlog may be worked off while jobs write to the same people now
CAPACITY = 100_000  # users; about 50 MB when full


@dataclass(slots=True)
class UserState:
    """One user's last sessions, the newest last, and current choices."""

    sessions: list[Session] = field(default_factory=list)
    persona_id: str | None = None
    story_id: str | None = None

    def session_at(self, when_ns: int) -> Session:
        """Return the session that an event of that time belongs to.

        30 minutes without an event end a session. Event time counts, not the clock: history may be sent in later. An
        event that came late still belongs to the session around it.
        """
        for session in reversed(self.sessions):
            if extend(session, when_ns):
                return session
        session = Session(uuid7(), when_ns, when_ns)
        self.sessions = [*self.sessions[1 - _SESSIONS :], session]
        return session


def extend(session: Session, when_ns: int) -> bool:
    """Let a session last until an event, if that is within 30 minutes of it. Tell whether it is."""
    if when_ns > session.last_ns:  # by far the usual case
        if when_ns > session.last_ns + IDLE_NS:
            return False
        session.last_ns = when_ns
    elif when_ns < session.first_ns:
        if when_ns < session.first_ns - IDLE_NS:
            return False
        session.first_ns = when_ns
    return True


class UserStates:
    """The users seen last, at most `capacity` of them. Not locked: the tracker calls it under its own lock."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._known: OrderedDict[Hashable, UserState] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def of(self, user: Hashable) -> UserState:
        """Return the state of a user, who is named by bot and id."""
        state = self._known.get(user)
        if state is None:
            state = self._known[user] = UserState()
            if len(self._known) > self._capacity:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(user)
        return state


def session_of(state: UserState, when_ns: int, context: UpdateContext | None) -> Session:
    """Return the session of an event. Those of one update are in one session: an answer may come hours after its message."""
    if context is None:
        return state.session_at(when_ns)
    if context.session is None:
        context.session = state.session_at(when_ns)
    else:
        extend(context.session, when_ns)
    return context.session


def with_choices(event: Event, target: EventTarget, state: UserState) -> EventTarget:
    """Update the user's choices from an event, and fill in those of before."""
    for kind, field_name in _CHOICES:
        chosen = getattr(event, field_name) if isinstance(event, kind) else None
        chosen = getattr(target, field_name) if chosen is None else chosen
        if chosen is not None:
            setattr(state, field_name, chosen)
    if (target.persona_id, target.story_id) == (state.persona_id, state.story_id):
        return target
    return replace(target, persona_id=state.persona_id, story_id=state.story_id)


def remember_choice(event: Event, context: UpdateContext) -> None:
    """Let a choice hold for the rest of the update."""
    for kind, field_name in _CHOICES:
        if isinstance(event, kind) and getattr(event, field_name) is not None:
            setattr(context, field_name, getattr(event, field_name))
