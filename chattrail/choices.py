"""The persona and story in force: what an update's handler chose, and what the person chose before."""

from dataclasses import replace

from chattrail.compose import Place
from chattrail.context import UpdateContext
from chattrail.events import Event, PersonaSelected, StorySelected
from chattrail.session import Memory


def with_choices(event: Event, place: Place, memory: Memory) -> Place:
    """Remember what the person chose, and fill in what they chose before."""
    if isinstance(event, PersonaSelected) and event.persona_id is not None:
        memory.persona_id = event.persona_id
    elif place.persona_id is not None:
        memory.persona_id = place.persona_id
    if isinstance(event, StorySelected) and event.story_id is not None:
        memory.story_id = event.story_id
    elif place.story_id is not None:
        memory.story_id = place.story_id
    return replace(place, persona_id=memory.persona_id, story_id=memory.story_id)


def note_choice(event: Event, context: UpdateContext) -> None:
    """Let a choice hold for the rest of the update."""
    if isinstance(event, PersonaSelected) and event.persona_id is not None:
        context.persona_id = event.persona_id
    elif isinstance(event, StorySelected) and event.story_id is not None:
        context.story_id = event.story_id
