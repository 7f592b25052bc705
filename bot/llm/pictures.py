"""Pictures by any server that speaks OpenAI's image generations."""

import asyncio
import base64
import binascii
import io

from PIL import Image, UnidentifiedImageError

from bot.llm.base import BrainError, Picture
from bot.llm.provider import Provider

_MAX_PROMPT = 4000
_MAX_BYTES = 10_000_000  # Telegram takes no larger photo
_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}


class OpenAiPictures:
    """Asks `images/generations` below the base URL; takes base64 and addresses."""

    def __init__(self, provider: Provider, *, model: str, size: str) -> None:
        self.provider = provider.name
        self.model = model
        self._http = provider
        self._size = size

    async def make(self, prompt: str) -> Picture:
        """Have one picture made, and look whether it is one."""
        answer = await self._http.post(
            "images/generations", {"model": self.model, "prompt": prompt[:_MAX_PROMPT], "n": 1, "size": self._size}
        )
        try:
            entry = answer["data"][0]
            encoded, url = entry.get("b64_json"), entry.get("url")
        except (KeyError, IndexError, TypeError, AttributeError):
            raise BrainError("malformed_response", f"{self.provider} answered without a picture") from None
        if isinstance(encoded, str):
            try:
                data = base64.b64decode(encoded, validate=True)
            except (binascii.Error, ValueError):
                raise BrainError("malformed_response", f"{self.provider} sent broken base64") from None
        elif isinstance(url, str):
            data = await self._http.get(url)
        else:
            raise BrainError("malformed_response", f"{self.provider} answered without a picture")
        return Picture(data, await asyncio.to_thread(self._content_type, data))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def _content_type(self, data: bytes) -> str:
        if len(data) > _MAX_BYTES:
            raise BrainError("too_large", f"{self.provider} made a picture larger than Telegram takes")
        try:
            with Image.open(io.BytesIO(data), formats=list(_TYPES)) as image:
                image.verify()
                return _TYPES[str(image.format)]
        except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError):
            raise BrainError("malformed_response", f"{self.provider} sent bytes that are no picture") from None
