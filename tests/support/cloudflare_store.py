"""A Cloudflare store against a Cloudflare on loopback."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from sidecar.errors import PermanentError, RetryableError
from sidecar.plugins.images.settings import ImagesSettings
from sidecar.plugins.images.stores.base import StorePausedError
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
    config = ImagesSettings.model_construct(
        cloudflare_account_id=given.get("account_id", server.account_id),
        cloudflare_api_token=SecretStr(given.get("token", server.token)),
        cloudflare_api_url=given.get("api_url", server.api_url),
        store_timeout_s=given.get("timeout_s", 10.0),
    )
    limit = given.get("limit", 1150)
    limiter = RateLimiter(folder / "requests", clock, limit=limit, period_s=PERIOD_S, sleep=clock.sleep)
    store = CloudflareStore(config, limiter)
    await store.start()
    try:
        yield store
    finally:
        await store.close()


async def keep(store: CloudflareStore, notes: Notes) -> str:
    """Put the photograph as the queue does: after a failure whose outcome nobody knows, the noted key is settled."""
    try:
        return await store.put(photograph(), notes.take)
    except StorePausedError:
        raise
    except (RetryableError, PermanentError):
        if notes and await store.settle(notes[-1]):
            return notes[-1]
        raise
