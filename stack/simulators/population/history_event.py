"""An event of a person's past, with all that was current when it happened."""

from dataclasses import dataclass
from datetime import datetime

from chattrail import events
from stack.simulators.population.population import Member

ANSWERS = (events.AiMessage, events.ImageGenerated, events.HandlerFailed)
"""Events that come of handling what a person did; every other one is an update of its own."""


@dataclass(frozen=True, slots=True)
class Happening:
    """An event, when it happened and what was current then."""

    at: datetime
    member: Member
    event: events.Event
    update: int
    """Counts what the bot got from this person; an answer has the number of what it answers."""
    message_id: int | None
    persona_id: str
    story_id: str
