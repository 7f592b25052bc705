"""Parts of the image plugin that are opened and closed around a test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from sidecar.plugins.images.decode.decoder_pool import DecoderPool
from sidecar.plugins.images.fetch.addresses import Lookup
from sidecar.plugins.images.fetch.http import Fetcher
from sidecar.plugins.images.settings import ImagesSettings

Part = TypeVar("Part", DecoderPool, Fetcher)


def fetcher_of(lookup: Lookup | None = None, **settings: Any) -> Fetcher:
    """A fetcher with these settings."""
    return Fetcher(ImagesSettings.model_validate(settings), lookup)


@asynccontextmanager
async def running(part: Part) -> AsyncIterator[Part]:
    """Start a pool, and close it or a fetcher in the end."""
    if isinstance(part, DecoderPool):
        await part.start()
    try:
        yield part
    finally:
        await part.close()
