"""The brain: dialogue for every message; scene, then picture prompt, when a picture is asked for."""

import time
from dataclasses import dataclass

from bot.llm.base import Backend, Picture, PictureMaker, Step, Turn


@dataclass(frozen=True, slots=True)
class Answer:
    """What the persona says, and what it took."""

    text: str
    response_model: str | None
    input_tokens: int | None
    output_tokens: int | None
    duration_ms: float


class Brain:
    """Runs the steps over a backend, and pictures over a picture maker."""

    def __init__(self, backend: Backend, pictures: PictureMaker) -> None:
        self.backend = backend
        self.pictures = pictures

    async def answer(self, turn: Turn) -> Answer:
        """Let the persona answer the last line. Raises BrainError."""
        started = time.perf_counter()
        said = await self.backend.complete(Step.DIALOGUE, turn)
        return Answer(
            text=said.text,
            response_model=said.response_model,
            input_tokens=said.input_tokens,
            output_tokens=said.output_tokens,
            duration_ms=(time.perf_counter() - started) * 1000,
        )

    async def picture_prompt(self, turn: Turn) -> str:
        """Say what the present moment looks like, for a picture maker. Raises BrainError."""
        scene = await self.backend.complete(Step.SCENE, turn)
        prompt = await self.backend.complete(Step.PICTURE_PROMPT, turn, scene=scene.text)
        return prompt.text

    async def picture(self, prompt: str) -> Picture:
        """Make the picture. Raises BrainError."""
        return await self.pictures.make(prompt)

    async def close(self) -> None:
        """Give back the connections of both."""
        await self.backend.close()
        await self.pictures.close()
