"""How much of Cloudflare's allowed rate the archiver uses, and how often it is refused: an hour on a simulated clock.

    python -m benchmarks.bench_cloudflare_rate

The store and its limiter, with its file on the disk, put images over HTTP into the simulated Cloudflare, which counts by
the same clock: 1,200 requests in any 5 minutes, then 429 for 5 minutes. The store is closed and made anew now and then, in the
middle of waits too, as when the sidecar restarts. Beside it the same without a limiter, waiting as each 429 says, or trying
again with growing waits; and with a limiter that keeps nothing over restarts.
"""

import asyncio
import io
import itertools
import random
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from benchmarks.report import report
from sidecar.plugins.images.settings import ImagesSettings
from sidecar.plugins.images.stores.base import StorePausedError, Upload
from sidecar.plugins.images.stores.cloudflare import CloudflareStore
from sidecar.plugins.images.stores.rate_limiter import RateLimiter
from stack.simulators.cloudflare.limits import PERIOD_S, REQUESTS
from stack.simulators.cloudflare.server import CloudflareServer
from tests.support.clock import FakeClock
from tests.support.sample_images import photograph
from tests.support.uploads import upload_of

HOUR_S = 3600.0
RESTARTS = 6
DEFAULT = 1150
IMAGE_S = 0.02  # one by one at some 50 a second, so that without a limiter the rate is used up in 12 s
TOKEN = "token"


@dataclass(slots=True)
class Tally:
    """What an hour brought."""

    stored: int = 0
    restarts: int = 0
    waits: list[float] = field(default_factory=list)


def waits_as_told(refused: StorePausedError, _in_a_row: int) -> float:
    """What the queue does."""
    return refused.after


def backs_off(_refused: StorePausedError, in_a_row: int) -> float:
    """What many clients do instead: 1 s, 2 s, 4 s, ... to a minute."""
    return float(min(2**in_a_row, 60))


async def hour(
    limit: int, patience: Callable[[StorePausedError, int], float], *, forgets: bool = False
) -> tuple[Tally, CloudflareServer]:
    """Put images for an hour; `limit` 0: no limiter. One that forgets loses its file in each restart."""
    clock = FakeClock()
    end, chance = clock.time() + HOUR_S, random.Random(1)
    restarts = sorted(clock.time() + chance.uniform(0, HOUR_S) for _ in range(RESTARTS))
    tally, in_a_row = Tally(), 0

    async def note(_key: str) -> None:
        clock.advance(chance.uniform(0, IMAGE_S))  # between the two requests of an image

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "requests"

        def limiter() -> RateLimiter:
            return RateLimiter(path, clock, limit=limit, period_s=PERIOD_S, sleep=clock.sleep)

        async with CloudflareServer(token=TOKEN, clock=clock.time) as server:

            async def fresh() -> CloudflareStore:
                settings = ImagesSettings.model_construct(
                    cloudflare_account_id=server.account_id,
                    cloudflare_api_token=SecretStr(TOKEN),
                    cloudflare_api_url=server.api_url,
                    store_timeout_s=10,
                )
                store = CloudflareStore(settings, limiter() if limit else None)
                await store.start()
                return store

            store = await fresh()
            for number in itertools.count():
                if restarts and clock.time() >= restarts[0]:
                    tally.restarts += 1
                    restarts.pop(0)
                    await store.close()
                    clock.advance(2)
                    if forgets:
                        path.unlink()
                    store = await fresh()
                if clock.time() >= end:
                    break
                try:
                    await store.put(image(number), note)
                    tally.stored, in_a_row = tally.stored + 1, 0
                    server.images.records.clear()  # an hour's images need no room here
                    clock.advance(chance.uniform(0, IMAGE_S))
                except StorePausedError as refused:
                    wait = patience(refused, in_a_row)
                    tally.waits.append(wait)
                    # a restart ends the wait: what the next life knows of it is in the limiter's file
                    clock.advance(min([wait, *(at - clock.time() for at in restarts[:1])]))
                    in_a_row += 1
            await store.close()
    return tally, server


def image(number: int) -> Upload:
    """A small photograph; what tells one from another is its name alone, which is all the store looks at."""
    return Upload(f"{number:064x}", SMALL.content, SMALL.media_type, SMALL.extension, SMALL.width, SMALL.height)


def _small() -> Upload:
    out = io.BytesIO()
    photograph(64, 48).save(out, "JPEG")
    return upload_of(out.getvalue(), "image/jpeg", "jpg", 64, 48)


SMALL = _small()


async def main() -> None:
    """Measure and report."""
    cases: dict[str, tuple[int, Callable[[StorePausedError, int], float], bool]] = {
        f"of {DEFAULT:,}, as by default": (DEFAULT, waits_as_told, False),
        f"of {REQUESTS:,}": (REQUESTS, waits_as_told, False),
        f"of {DEFAULT:,}, forgets in a restart": (DEFAULT, waits_as_told, True),
        "none; waits as 429 says": (0, waits_as_told, False),
        "none; backs off and tries again": (0, backs_off, False),
    }
    allowed = REQUESTS * HOUR_S / PERIOD_S
    rows = []
    for name, (limit, patience, forgets) in cases.items():
        began = time.perf_counter()
        tally, server = await hour(limit, patience, forgets=forgets)
        counted = sum(times for (route, status), times in server.answers.items() if route != "upload" and status == 200)
        refused = server.limit.refused
        share = f"{100 * counted / allowed:.1f} %"
        rows.append(
            (name, f"{counted:,}", share, f"{tally.stored:,}", refused, tally.restarts, f"{max(tally.waits):.0f}")
        )
        print(*rows[-1], f"{time.perf_counter() - began:.0f} s", flush=True)
    header = ("limiter", "requests taken", "of the allowed", "images", "answers of 429", "restarts", "longest wait s")
    notes = (
        f"An hour allows {allowed:,.0f} requests. A 429 shuts out the account's dashboard and every other program of the"
        " same user too, for 5 minutes; the 50 requests that the default leaves are for them."
    )
    report("Cloudflare's allowed rate", "python -m benchmarks.bench_cloudflare_rate", header, rows, notes)


if __name__ == "__main__":
    asyncio.run(main())
