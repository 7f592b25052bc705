"""What the brain's parts say to one another: the state of a chat in, words and pictures out."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

from bot.content.personas import Persona, Story


class Step(StrEnum):
    """The steps of the pipeline, in order."""

    DIALOGUE = "dialogue"
    SCENE = "scene"
    PICTURE_PROMPT = "picture_prompt"


@dataclass(frozen=True, slots=True)
class Line:
    """One message of a chat."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Turn:
    """Where a chat stands. For an answer, the last line is the person's message."""

    persona: Persona
    story: Story
    language: str
    history: tuple[Line, ...]
    variation: int = 0  # counts pictures of the same moment, so that "another one" differs


@dataclass(frozen=True, slots=True)
class Completion:
    """What a backend answered to one step."""

    text: str
    response_model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """A finished picture."""

    data: bytes
    content_type: str


class BrainError(Exception):
    """An answer or a picture could not be had. `error_type` is a short name for analytics; the text holds no message."""

    def __init__(self, error_type: str, reason: str) -> None:
        super().__init__(reason)
        self.error_type = error_type


class Backend(Protocol):
    """Something that can do the steps of the pipeline."""

    provider: str
    model: str

    async def complete(self, step: Step, turn: Turn, *, scene: str = "") -> Completion:
        """Do one step. Raises BrainError, within the backend's own time limit."""
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...


class PictureMaker(Protocol):
    """Something that turns a prompt into a picture."""

    provider: str
    model: str

    async def make(self, prompt: str) -> Picture:
        """Make one picture. Raises BrainError, within its own time limit."""
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...


def encodable(text: str) -> str:
    """Replace lone surrogates, which JSON may carry and UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode()
