"""Reads the forms of uploads, up to Cloudflare's largest image."""

from dataclasses import dataclass

from aiohttp import BodyPartReader, web

from stack.simulators.cloudflare.images import LARGEST_BYTES
from stack.simulators.cloudflare.wire import RefusedError


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a form."""

    content: bytes
    filename: str
    content_type: str


async def read_form(request: web.Request) -> dict[str, Part]:
    """Read a form in memory, where a request that is cut short leaves nothing to clean up. Raises RefusedError."""
    if request.content_type != "multipart/form-data":
        raise RefusedError(5415)
    form: dict[str, Part] = {}
    left = LARGEST_BYTES + 1
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or part.name is None:
            raise RefusedError(5400)
        content = bytearray()
        while chunk := await part.read_chunk():
            content += chunk
            if len(content) > left:
                raise RefusedError(5413)
        left -= len(content)
        form[part.name] = Part(bytes(content), part.filename or "", part.headers.get("Content-Type", ""))
    return form
