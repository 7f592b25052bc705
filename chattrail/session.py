"""What is remembered of each person between events: the session, and the persona and story they last chose."""

from collections import OrderedDict
from dataclasses import dataclass

from chattrail.ids import uuid7

IDLE_NS = 30 * 60 * 1_000_000_000
CAPACITY = 100_000  # people; about 40 MB when full


@dataclass(slots=True)
class Memory:
    """One person's current session, by event time, and current choices."""

    session_id: str
    first_ns: int
    last_ns: int
    persona_id: str | None = None
    story_id: str | None = None


class People:
    """The people heard of last, at most `capacity` of them. Not locked: the tracker calls it under its own lock."""

    def __init__(self, capacity: int = CAPACITY, idle_ns: int = IDLE_NS) -> None:
        self._capacity = capacity
        self._idle_ns = idle_ns
        self._known: OrderedDict[str, Memory] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def at(self, user_id: str, when_ns: int) -> Memory:
        """Return the person's memory, with the session that an event of that time belongs to.

        30 minutes without an event end a session. Event time counts, not the clock: history may be sent in later. An
        event that came late still belongs to the session around it.
        """
        memory = self._known.get(user_id)
        if memory is None:
            memory = self._known[user_id] = Memory(str(uuid7()), when_ns, when_ns)
            if len(self._known) > self._capacity:
                self._known.popitem(last=False)
            return memory
        self._known.move_to_end(user_id)
        if not memory.first_ns - self._idle_ns <= when_ns <= memory.last_ns + self._idle_ns:
            memory.session_id, memory.first_ns, memory.last_ns = str(uuid7()), when_ns, when_ns
        else:
            memory.first_ns = min(memory.first_ns, when_ns)
            memory.last_ns = max(memory.last_ns, when_ns)
        return memory
