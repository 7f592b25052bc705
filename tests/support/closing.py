"""Parts of the image plugin that are opened and closed around a test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from sidecar.plugins.images.decode.decoder_pool import DecoderPool
from sidecar.plugins.images.fetch.http import Fetcher

Part = TypeVar("Part", DecoderPool, Fetcher)


@asynccontextmanager
async def running(part: Part) -> AsyncIterator[Part]:
    """Start a pool, and close it or a fetcher in the end."""
    if isinstance(part, DecoderPool):
        await part.start()
    try:
        yield part
    finally:
        await part.close()
