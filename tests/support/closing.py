"""Parts of the image plugin that are opened and closed around a test."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

from sidecar.plugins.images.decode.decoder_pool import DecoderPool
from sidecar.plugins.images.fetch.addresses import Lookup
from sidecar.plugins.images.fetch.http import Fetcher
from sidecar.plugins.images.settings import ImagesSettings

Part = TypeVar("Part", DecoderPool, Fetcher)


def fetcher_of(lookup: Lookup | None = None, **settings: Any) -> Fetcher:
    """A fetcher with these settings."""
    return Fetcher(ImagesSettings.model_validate(settings), lookup)


def pool_of(
    on_replaced: Callable[[str], None] = lambda _: None, *, cpu_s: int = 20, timeout_s: float = 60.0, **settings: Any
) -> DecoderPool:
    """A pool with these settings, and limits that are none."""
    pool = DecoderPool(ImagesSettings.model_validate(settings), on_replaced)
    pool._limits, pool._timeout_s = replace(pool._limits, cpu_s=cpu_s), timeout_s
    return pool


@asynccontextmanager
async def running(part: Part) -> AsyncIterator[Part]:
    """Start a pool, and close it or a fetcher in the end."""
    if isinstance(part, DecoderPool):
        await part.start()
    try:
        yield part
    finally:
        await part.close()
