"""A Cloudflare store against a Cloudflare on loopback, and a clock that stands until it is moved."""

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from sidecar.errors import PermanentError, RetryableError
from sidecar.plugin import Clock
from sidecar.plugins.images.settings import ImagesSettings
from sidecar.plugins.images.stores.base import StorePausedError
from sidecar.plugins.images.stores.cloudflare import PERIOD_S, CloudflareStore
from sidecar.plugins.images.stores.rate_limiter import RateLimiter
from stack.simulators.cloudflare.server import CloudflareServer
from tests.support.uploads import Notes, photograph


class SetClock(Clock):
    """Time for limiter and server alike; sleeping on it moves it."""

    def __init__(self, started: float = 1_800_000_000.0) -> None:
        self.time = started
        self.step = 0.0  # by how much the wall clock was set away from the monotonic one

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time + self.step, UTC)

    def monotonic(self) -> float:
        return self.time - 1_700_000_000.0

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


@contextlib.asynccontextmanager
async def cloudflare_store(
    server: CloudflareServer, folder: Path, clock: SetClock | None = None, **given: Any
) -> AsyncIterator[CloudflareStore]:
    clock = clock or SetClock()
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
