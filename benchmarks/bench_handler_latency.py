"""What tracking costs a handler: an aiogram bot answering over loopback, instrumented and not, side by side.

    python -m benchmarks.bench_handler_latency

Four bots take turns in one process: not instrumented, and instrumented with a collector that is up, absent, or accepts
and never answers. An update's time is that of `Dispatcher.feed_update`, one answer over HTTP included. The time by the
clock is what a person feels, and has every other program of the machine in it; the processor time of the bot's thread
has not, so it tells what tracking itself costs when the machine is busy.
"""

import asyncio
import socket
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeAlias

from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.types import Message, Update

from benchmarks.report import report
from bot.simulation.telegram_api import TelegramServer
from chattrail import Tracker, create_tracker
from chattrail.aiogram import instrument
from tests.fakes.otlp_receiver import OtlpReceiver

ROUNDS, UPDATES = 60, 25
PAUSE = 0.004  # seconds between updates: some 200 a second, far above what a bot of this kind gets
LIMIT_MS = 1.0

Time: TypeAlias = tuple[float, float]  # ms by the clock, ms of the processor


@contextmanager
def nobody() -> Iterator[str]:
    """Give an address at which connections are refused."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def build(telegram: TelegramServer, tracker: Tracker | None) -> tuple[Dispatcher, Bot]:
    """Return a bot that answers every message."""
    bot = Bot(telegram.token, session=AiohttpSession(api=TelegramAPIServer.from_base(telegram.url)))
    dispatcher = Dispatcher()

    @dispatcher.message()
    async def answer(message: Message) -> None:
        await message.answer("An answer of the usual length, as a bot would give it.")

    if tracker is not None:
        instrument(dispatcher, bot, tracker)
    return dispatcher, bot


async def feed(dispatcher: Dispatcher, bot: Bot, times: list[Time], count: int) -> None:
    """Feed `count` messages one after the other, and add how long each took."""
    for number in range(count):
        user = {"id": 1001, "is_bot": False, "first_name": "Ann"}
        chat = {"id": 1001, "type": "private", "first_name": "Ann"}
        message = {"message_id": number + 1, "date": int(time.time()), "chat": chat, "from": user, "text": "Hello"}
        update = Update.model_validate({"update_id": number, "message": message}, context={"bot": bot})
        began, worked = time.perf_counter_ns(), time.thread_time_ns()
        await dispatcher.feed_update(bot, update)
        times.append(((time.perf_counter_ns() - began) / 1e6, (time.thread_time_ns() - worked) / 1e6))
        await asyncio.sleep(PAUSE)


async def main() -> None:
    """Measure and report."""
    with ExitStack() as stack:
        up, hanging = stack.enter_context(OtlpReceiver()), stack.enter_context(OtlpReceiver())
        hanging.hang()
        trackers = {
            "not instrumented": None,
            "collector up": create_tracker("bench", endpoint=up.url),
            "collector absent": create_tracker("bench", endpoint=stack.enter_context(nobody())),
            "collector hanging": create_tracker("bench", endpoint=hanging.url),
        }
        async with TelegramServer() as telegram:
            await telegram.person(1001).send("/start")  # a bot may not write first
            bots = {name: build(telegram, tracker) for name, tracker in trackers.items()}
            times: dict[str, list[Time]] = {name: [] for name in bots}
            for dispatcher, bot in bots.values():
                await feed(dispatcher, bot, [], UPDATES)
            for number in range(ROUNDS):
                names = list(bots)
                for name in names[number % 4 :] + names[: number % 4]:  # nobody always comes first
                    await feed(*bots[name], times[name], UPDATES)
            for _, bot in bots.values():
                await bot.session.close()
        _report(times)
        for tracker in trackers.values():
            if tracker is not None:
                tracker.shutdown(0.5)


def _report(times: dict[str, list[Time]]) -> None:
    def cuts(name: str, which: int) -> tuple[float, float]:
        hundredths = statistics.quantiles([taken[which] for taken in times[name]], n=100)
        return hundredths[49], hundredths[98]

    rows = []
    for name in times:
        row: list[str] = [name]
        for which in (0, 1):
            plain, own = cuts("not instrumented", which), cuts(name, which)
            row += [f"{own[0]:.2f}", f"{own[1]:.2f}", f"{own[1] - plain[1]:+.2f}"]
        rows.append(row)
    report(
        "Handler latency",
        "python -m benchmarks.bench_handler_latency",
        ("bot", "p50 ms", "p99 ms", "Δ p99 ms", "CPU p50 ms", "CPU p99 ms", "Δ CPU p99 ms"),
        rows,
        f"{ROUNDS * UPDATES:,} updates each, in turns; the promise is a Δ p99 of at most {LIMIT_MS:g} ms.",
    )


if __name__ == "__main__":
    asyncio.run(main())
