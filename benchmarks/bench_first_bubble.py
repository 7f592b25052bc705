"""How long somebody with a bot waits: `make up` to its ready line, and a person's first message to its bubble in the trail's API.

    python -m benchmarks.bench_first_bubble

The bot is the README's, in a process of its own, against the simulated Telegram; each person writes once, one after the other.
"""

import asyncio
import re
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

from benchmarks.report import report
from stack.simulators.telegram.server import TelegramServer
from tests.support.fakes.otlp_receiver import until
from tests.support.launched import Launched, bot_process, free_ports, ten_line_bot

PEOPLE = 20
LIMIT_S = 3.0


async def first_bubbles(up: Launched, folder: Path, endpoint: str) -> list[float]:
    """Return the seconds from each person's message to both bubbles."""
    took = []
    async with TelegramServer(token="42:BENCH") as telegram:
        with bot_process(ten_line_bot(), folder, telegram.url, telegram.token, endpoint):
            await telegram.person(1, name="Warm-up").send("are you there?")
            await telegram.person(1).wait(timeout=60)
            for number in range(PEOPLE):
                person = telegram.person(1000 + number, name=f"Person {number}")
                began = time.monotonic()
                await person.send("hello")
                await asyncio.to_thread(until, partial(shown, up, person.id), 60)
                took.append(time.monotonic() - began)
    return took


def shown(up: Launched, person: int) -> bool:
    """Tell whether the API has a person's message and its answer."""
    answer = up.get(f"users/{person}/events")
    return answer.status_code == 200 and len(answer.json()["events"]) >= 2


def main() -> None:
    """Run it and write the section."""
    with tempfile.TemporaryDirectory() as name:
        folder, ports = Path(name), free_ports()
        up = Launched("up", folder / "data", ports)
        try:
            up.login_link()
            ready = re.search(r"Ready after (\S+) s", up.text)
            route = re.search(r"Events travel: (.*)", up.text)
            assert ready
            assert route
            endpoint = f"http://127.0.0.1:{ports['CHATTRAIL_COLLECTOR_HTTP_PORT']}"
            took = asyncio.run(first_bubbles(up, folder, endpoint))
            up.end()
        finally:
            up.kill()
    peak = re.search(r"whole stack: (\d+) MB", up.text)
    assert peak
    rows = [
        ("`make up`, first start to the ready line", f"{ready[1]} s"),
        (f"first message to both bubbles, median of {PEOPLE}", f"{statistics.median(took):.2f} s"),
        ("the slowest", f"{max(took):.2f} s"),
        ("peak memory of the whole stack", f"{peak[1]} MB"),
    ]
    notes = f"{route[1]}; the limit for a first bubble is {LIMIT_S:g} s."
    report(
        "The first bubble of a bot of one's own",
        "python -m benchmarks.bench_first_bubble",
        ("what", "took"),
        rows,
        notes,
    )
    assert max(took) <= LIMIT_S


if __name__ == "__main__":
    main()
