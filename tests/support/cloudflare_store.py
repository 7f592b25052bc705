"""A Cloudflare store against a Cloudflare on loopback."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from sidecar.errors import PermanentError, RetryableError
from sidecar.plugins.images.stores.cloudflare import PERIOD_S, CloudflareStore
from sidecar.plugins.images.stores.rate_limiter import RateLimiter
from stack.simulators.cloudflare.server import CloudflareServer
from tests.support.clock import FakeClock
from tests.support.uploads import Notes, photograph


@contextlib.asynccontextmanager
async def cloudflare_store(
    server: CloudflareServer, folder: Path, clock: FakeClock | None = None, **given: Any
) -> AsyncIterator[CloudflareStore]:
    clock = clock or FakeClock()
    limit = given.pop("limit", 1150)
    options: dict[str, Any] = {"api_url": server.api_url, "timeout_s": 10.0, "token": server.token, **given}
    store = CloudflareStore(
        options.pop("account_id", server.account_id),
        **options,
        limiter=RateLimiter(folder / "requests", clock, limit=limit, period_s=PERIOD_S, sleep=clock.sleep),
    )
    await store.start()
    try:
        yield store
    finally:
        await store.close()


async def keep(store: CloudflareStore, notes: Notes) -> str:
    """Put the photograph as the queue does: after a failure whose outcome nobody knows, the noted key is settled."""
    try:
        return await store.put(photograph(), notes.take)
    except (RetryableError, PermanentError):
        if notes and await store.settle(notes[-1]):
            return notes[-1]
        raise
