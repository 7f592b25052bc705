"""The pipeline: dialogue for every message; scene, image prompt and image when an image is requested."""

from dataclasses import dataclass

from bot.llm.base import Backend, Completion, GeneratedImage, ImageBackend, Step, Turn


@dataclass(frozen=True, slots=True)
class Llm:
    """Runs the steps with a language model and an image model."""

    backend: Backend
    images: ImageBackend

    async def answer(self, turn: Turn) -> Completion:
        """Return the persona's answer to the last line. Raises LlmError."""
        return await self.backend.complete(Step.DIALOGUE, turn)

    async def image_prompt(self, turn: Turn) -> str:
        """Describe the present moment for an image model. Raises LlmError."""
        scene = await self.backend.complete(Step.SCENE, turn)
        return (await self.backend.complete(Step.IMAGE_PROMPT, turn, scene=scene.text)).text

    async def image(self, prompt: str) -> GeneratedImage:
        """Make the image. Raises LlmError."""
        return await self.images.make(prompt)

    async def close(self) -> None:
        """Close the connections of both models."""
        await self.backend.close()
        await self.images.close()
