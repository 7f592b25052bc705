"""Personas and stories from the content file, checked when loaded."""

from functools import cache
from pathlib import Path
from typing import Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

_FILE = Path(__file__).parent / "personas.yaml"
LANGUAGES = ("en", "ru")
Localized = dict[str, str]
LocalizedLines = dict[str, list[str]]


class _Content(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="after")
    def _every_language(self) -> Self:
        for name, value in self:
            if isinstance(value, dict) and set(value) != set(LANGUAGES):
                raise ValueError(f"{name} must be given in {' and '.join(LANGUAGES)}")
        return self


class Story(_Content):
    """A situation the persona is in when the chat begins."""

    id: str = Field(pattern=r"^[a-z0-9_]{1,40}$")
    title: Localized
    opening: Localized
    setting: str
    moments: list[str] = Field(min_length=3)


class Persona(_Content):
    """A persona: its look (for images), its manner (for the model) and its own lines (for offline answers)."""

    id: str = Field(pattern=r"^[a-z0-9_]{1,40}$")
    name: Localized
    tagline: Localized
    manner: str
    look: str
    gestures: LocalizedLines
    questions: LocalizedLines
    musings: LocalizedLines
    stories: list[Story] = Field(min_length=2)


class Personas:
    """All personas, found by id; a story's id is unique among all of them."""

    def __init__(self, personas: list[Persona]) -> None:
        self.all = personas
        self._personas = {persona.id: persona for persona in personas}
        self._stories = {story.id: (persona, story) for persona in personas for story in persona.stories}
        if len(self._personas) != len(personas) or len(self._stories) != sum(len(one.stories) for one in personas):
            raise ValueError("ids of personas and of stories must be unique")

    def persona(self, persona_id: str | None) -> Persona | None:
        """Find a persona; None for an unknown id."""
        return self._personas.get(persona_id or "")

    def story(self, story_id: str | None) -> tuple[Persona, Story] | None:
        """Find a story and whose it is."""
        return self._stories.get(story_id or "")


@cache
def load_personas() -> Personas:
    """Read the personas that come with the bot."""
    return Personas([Persona.model_validate(entry) for entry in yaml.safe_load(_FILE.read_text(encoding="utf-8"))])
