"""What is kept of each user between events: the session, and the persona and story that they last chose."""

from collections import OrderedDict
from dataclasses import dataclass, replace

from chattrail.context import EventTarget, UpdateContext
from chattrail.events import Event, PersonaSelected, StorySelected
from chattrail.ids import uuid7

IDLE_NS = 30 * 60 * 1_000_000_000
_CHOICES = ((PersonaSelected, "persona_id"), (StorySelected, "story_id"))
CAPACITY = 100_000  # users; about 40 MB when full


@dataclass(slots=True)
class UserState:
    """One user's current session, by event time, and current choices."""

    session_id: str
    first_ns: int
    last_ns: int
    persona_id: str | None = None
    story_id: str | None = None


class UserStates:
    """The users seen last, at most `capacity` of them. Not locked: the tracker calls it under its own lock."""

    def __init__(self, capacity: int = CAPACITY, idle_ns: int = IDLE_NS) -> None:
        self._capacity = capacity
        self._idle_ns = idle_ns
        self._known: OrderedDict[str, UserState] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def at(self, user_id: str, when_ns: int) -> UserState:
        """Return the user's state, with the session that an event of that time belongs to.

        30 minutes without an event end a session. Event time counts, not the clock: history may be sent in later. An
        event that came late still belongs to the session around it.
        """
        state = self._known.get(user_id)
        if state is None:
            state = self._known[user_id] = UserState(str(uuid7()), when_ns, when_ns)
            if len(self._known) > self._capacity:
                self._known.popitem(last=False)
            return state
        self._known.move_to_end(user_id)
        if not state.first_ns - self._idle_ns <= when_ns <= state.last_ns + self._idle_ns:
            state.session_id, state.first_ns, state.last_ns = str(uuid7()), when_ns, when_ns
        else:
            state.first_ns = min(state.first_ns, when_ns)
            state.last_ns = max(state.last_ns, when_ns)
        return state


def with_choices(event: Event, target: EventTarget, state: UserState) -> EventTarget:
    """Update the user's choices from an event, and fill in those of before."""
    for kind, field in _CHOICES:
        chosen = getattr(event, field) if isinstance(event, kind) else None
        chosen = getattr(target, field) if chosen is None else chosen
        if chosen is not None:
            setattr(state, field, chosen)
    return replace(target, persona_id=state.persona_id, story_id=state.story_id)


def remember_choice(event: Event, context: UpdateContext) -> None:
    """Let a choice hold for the rest of the update."""
    for kind, field in _CHOICES:
        if isinstance(event, kind) and getattr(event, field) is not None:
            setattr(context, field, getattr(event, field))
