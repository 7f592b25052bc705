"""The interfaces of the model backends: the state of a chat goes in, words and images come out."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

from bot.content.personas import Persona, Story


class Step(StrEnum):
    """The steps of the pipeline, in order."""

    DIALOGUE = "dialogue"
    SCENE = "scene"
    IMAGE_PROMPT = "image_prompt"


@dataclass(frozen=True, slots=True)
class Line:
    """One message of a chat."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Turn:
    """The state of a chat. For an answer, the last line is the person's message."""

    persona: Persona
    story: Story
    language: str
    history: tuple[Line, ...]
    variation: int = 0  # counts images of the same moment, so that "another one" differs


@dataclass(frozen=True, slots=True)
class Completion:
    """A backend's answer to one step."""

    text: str
    response_model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class GeneratedImage:
    """The bytes of an image and their media type."""

    data: bytes
    content_type: str


class LlmError(Exception):
    """A backend failed. `error_type` is a short name for analytics; the text holds nothing that a person wrote."""

    def __init__(self, error_type: str, reason: str) -> None:
        super().__init__(reason)
        self.error_type = error_type


class Backend(Protocol):
    """A language model."""

    provider: str
    model: str

    async def complete(self, step: Step, turn: Turn, *, scene: str = "") -> Completion:
        """Do one step. Raises LlmError, within the backend's own time limit."""


# Makes an image for a prompt. Raises LlmError, within its own time limit.
MakeImage = Callable[[str], Awaitable[GeneratedImage]]


def encodable(text: str) -> str:
    """Replace lone surrogates, which JSON may carry and UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode()
