"""Images by any server that speaks OpenAI's image generations."""

import asyncio
import base64
import io

from PIL import Image

from bot.llm.base import GeneratedImage, LlmError
from bot.llm.provider import Provider

_MAX_PROMPT = 4000
_MAX_BYTES = 10_000_000  # Telegram takes no larger photo
_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}


class OpenAiImages:
    """Calls `images/generations` below the base URL; takes base64 and addresses."""

    def __init__(self, provider: Provider, *, model: str, size: str) -> None:
        self.provider, self.model = provider.name, model
        self._http, self._size = provider, size

    async def make(self, prompt: str) -> GeneratedImage:
        """Request one image and check that it is one."""
        answer = await self._http.post(
            "images/generations", {"model": self.model, "prompt": prompt[:_MAX_PROMPT], "n": 1, "size": self._size}
        )
        try:
            entry = answer["data"][0]
            encoded, url = entry.get("b64_json"), entry.get("url")
            data = base64.b64decode(encoded, validate=True) if isinstance(encoded, str) else await self._http.get(url)
        except (KeyError, IndexError, TypeError, AttributeError):
            raise LlmError("malformed_response", f"{self.provider} answered without an image") from None
        except ValueError:
            raise LlmError("malformed_response", f"{self.provider} sent broken base64") from None
        return GeneratedImage(data, await asyncio.to_thread(self._content_type, data))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def _content_type(self, data: bytes) -> str:
        if len(data) > _MAX_BYTES:
            raise LlmError("too_large", f"{self.provider} made an image larger than Telegram takes")
        try:
            with Image.open(io.BytesIO(data), formats=list(_TYPES)) as image:
                image.verify()
                return _TYPES[str(image.format)]
        except (Image.DecompressionBombError, OSError, SyntaxError, ValueError):
            raise LlmError("malformed_response", f"{self.provider} sent bytes that are not an image") from None
