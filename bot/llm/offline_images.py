"""The offline image backend: the landscapes of bot/content/images."""

import asyncio

from bot.content.images import CONTENT_TYPE, image_for
from bot.llm.base import GeneratedImage


class OfflineImages:
    """Makes images without a network, the same for the same prompt and seed."""

    provider = "offline"
    model = "landscapes-1"

    def __init__(self, seed: int) -> None:
        self._seed = seed

    async def make(self, prompt: str) -> GeneratedImage:
        """Return the landscape that fits the prompt best."""
        return GeneratedImage(await asyncio.to_thread(image_for, prompt, self._seed), CONTENT_TYPE)

    async def close(self) -> None:
        """Do nothing: there are no connections."""
