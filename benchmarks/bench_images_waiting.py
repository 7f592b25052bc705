"""Whether events take longer while images wait: from sending a request to its acknowledgement, which comes after the commit.

    python -m benchmarks.bench_images_waiting

A sidecar with nothing to archive, one where 10,000 images wait because the store's rate is used up, and one whose store does
not answer, so that they are fetched and tried again and again. They take turns on one ClickHouse, each with its own database;
only one runs at a time. Another sidecar with nothing to archive shows what two of the same differ by.
"""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import aiohttp
import clickhouse_connect

from benchmarks import images
from benchmarks.bench_images import store
from benchmarks.report import report
from tests.support.embedded import EmbeddedClickHouse
from tests.support.otlp import event, request
from tests.support.receivers import quiet_port

WAITING, ROUNDS, REQUESTS, SENDERS = 10_000, 4, 250, 4
MESSAGES = 9
NOTHING, AGAIN, PAUSED, DOWN = (
    "nothing waits",
    "nothing waits, another",
    "wait: the rate is used up",
    "wait: the store is down",
)


def body(image: str) -> bytes:
    """A request as a bot's events make it: messages, and an image that is stored already or joins those that wait."""
    text = {"chattrail.message.text": "Tell me a story about the sea, and do not forget the lighthouse."}
    messages = (event("user_message", str(number), text) for number in range(MESSAGES))
    return request(*messages, event("image_generated", "1", {"chattrail.image.url": image}))


async def turn(address: str, image: str, requests: int) -> list[float]:
    """Send so many requests, some at a time as a collector does; the time of each in ms."""
    bodies = [body(image) for _ in range(requests)]
    times = []
    async with aiohttp.ClientSession() as session:

        async def sender() -> None:
            while bodies:
                fresh, began = bodies.pop(), time.perf_counter()
                await images.send(session, address, fresh)
                times.append((time.perf_counter() - began) * 1000)

        await asyncio.gather(*(sender() for _ in range(SENDERS)))
    return times


async def prepare(address: str, host: str, name: str) -> None:
    """Let one image be stored; then let the rest wait where they are to wait."""
    async with aiohttp.ClientSession() as session:
        await images.send(session, address, images.announce([f"{host}/0"]))
        if name in (PAUSED, DOWN):
            await images.send(session, address, images.announce([f"{host}/{number % 20}" for number in range(WAITING)]))


async def measure(place: Path) -> tuple[dict[str, list[float]], dict[str, int]]:
    """All turns; times by case, and how many images waited at the end."""
    times: dict[str, list[float]] = {name: [] for name in (NOTHING, AGAIN, PAUSED, DOWN)}
    waiting: dict[str, int] = {}
    with EmbeddedClickHouse(place) as clickhouse, images.hosting("JPEG", 20) as host:
        async with store("cloudflare_images", place) as (cloudflare, _):
            settings = {
                NOTHING: cloudflare,
                AGAIN: cloudflare,
                PAUSED: cloudflare | {"IMAGES_CLOUDFLARE_REQUESTS": "2"},
                DOWN: cloudflare | {"IMAGES_CLOUDFLARE_API_URL": f"http://127.0.0.1:{quiet_port()}/client/v4"},
            }
            databases = {}
            with clickhouse_connect.get_client(dsn=clickhouse.url, autogenerate_session_id=False) as client:
                for number, name in enumerate(times):
                    client.command(f"CREATE DATABASE waiting_{number} ENGINE = Atomic")
                    databases[name] = clickhouse.dsn(f"waiting_{number}")
            names = list(times)
            for number in range(ROUNDS):
                for name in names[number % 4 :] + names[: number % 4]:  # nobody always comes first
                    folder = place / str(names.index(name))
                    async with images.sidecar(databases[name], folder, **settings[name]) as (_, address):
                        if number == 0:
                            await prepare(address, host.url, name)
                        await turn(address, f"{host.url}/0", 10)
                        times[name] += await turn(address, f"{host.url}/0", REQUESTS)
                        found = await asyncio.to_thread(images.states, folder)
                        waiting[name] = found.get("pending", 0) + found.get("uploading", 0)
                        print(name, f"{statistics.median(times[name]):.0f} ms", found, flush=True)
            _check(databases)
    return times, waiting


def _check(databases: dict[str, str]) -> None:
    """Everything acknowledged is stored; an ack without that would be quick."""
    expected = ROUNDS * (REQUESTS + 10) * MESSAGES
    for url in databases.values():
        with clickhouse_connect.get_client(dsn=url, autogenerate_session_id=False) as client:
            found = client.query("SELECT count() FROM events FINAL WHERE type = 'user_message'").result_rows[0][0]
            assert found == expected, (found, expected)


async def main() -> None:
    """Measure and report."""
    machine = images.machine()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        times, waiting = await measure(Path(place))
    rows = []
    plain = statistics.quantiles(times[NOTHING], n=100)
    for name, taken in times.items():
        cuts = statistics.quantiles(taken, n=100)
        rows.append((name, f"{waiting[name]:,}", f"{cuts[49]:.0f}", f"{cuts[98]:.0f}", f"{cuts[49] / plain[49]:.2f}",
                     f"{cuts[98] / plain[98]:.2f}"))  # fmt: skip
    columns = ("images", "waiting at the end", "p50 ms", "p99 ms", "× p50", "× p99")
    notes = (
        f"{ROUNDS * REQUESTS:,} requests each in {ROUNDS} turns, {SENDERS} at a time, with {MESSAGES} messages and an image."
        " An acknowledgement comes after the commit, and every event was counted in the table afterwards."
        f" {machine}"
    )
    report("Events while images wait", "python -m benchmarks.bench_images_waiting", columns, rows, notes)


if __name__ == "__main__":
    asyncio.run(main())
