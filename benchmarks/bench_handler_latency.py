"""What tracking costs a handler: an aiogram bot answering over loopback, instrumented and not, side by side.

    python -m benchmarks.bench_handler_latency

Four bots, each in a process of its own as in life, take turns: not instrumented, and instrumented with a collector that
is up, absent, or accepts and never answers. An update's time is that of `Dispatcher.feed_update`, one answer over HTTP
included. The time by the clock is what a person feels, and has every other program of the machine in it; the processor
time of the bot's thread has not, so it tells what tracking itself costs when the machine is busy.
"""

import asyncio
import gc
import json
import socket
import statistics
import sys
import time
from contextlib import ExitStack, closing

from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.types import Message, Update

from benchmarks.child import Child
from benchmarks.report import report
from chattrail import create_tracker
from chattrail.aiogram import instrument
from stack.simulators.telegram.server import TelegramServer
from tests.support.fakes.otlp_receiver import OtlpReceiver

ROUNDS, UPDATES = 60, 50
PAUSE = 0.004  # seconds between updates: some 200 a second, far above what a bot of this kind gets
LIMIT_MS = 1.0
PLAIN = "not instrumented"


async def telegram() -> None:
    """Child: a Telegram in which somebody has already written to the bot, which may not write first."""
    async with TelegramServer() as server:
        await server.person(1001).send("/start")
        print(json.dumps(server.url), flush=True)
        await asyncio.Event().wait()


def collector(behaviour: str) -> None:
    """Child: takes events, or takes the connection and never answers."""
    with OtlpReceiver() as receiver:
        if behaviour == "hanging":
            receiver.hang()
        print(json.dumps(receiver.url), flush=True)
        sys.stdin.read()


async def bot(api: str, endpoint: str) -> None:
    """Child: a bot that answers every message; a round for every line it is sent."""
    bot = Bot("42:TEST", session=AiohttpSession(api=TelegramAPIServer.from_base(api)))
    dispatcher = Dispatcher()

    @dispatcher.message()
    async def answer(message: Message) -> None:
        await message.answer("An answer of the usual length, as a bot would give it.")

    if endpoint:
        instrument(dispatcher, bot, create_tracker("bench", endpoint=endpoint))
    await feed(dispatcher, bot)
    gc.collect()
    gc.freeze()  # as the persona bot does once it has started
    print(json.dumps("ready"), flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await feed(dispatcher, bot)), flush=True)


async def feed(dispatcher: Dispatcher, bot: Bot) -> list[tuple[float, float]]:
    """Feed messages one after the other; how long each took."""
    times = []
    for number in range(UPDATES):
        user = {"id": 1001, "is_bot": False, "first_name": "Ann"}
        chat = {"id": 1001, "type": "private", "first_name": "Ann"}
        message = {"message_id": number + 1, "date": int(time.time()), "chat": chat, "from": user, "text": "Hello"}
        update = Update.model_validate({"update_id": number, "message": message}, context={"bot": bot})
        began, worked = time.perf_counter_ns(), time.thread_time_ns()
        await dispatcher.feed_update(bot, update)
        times.append(((time.perf_counter_ns() - began) / 1e6, (time.thread_time_ns() - worked) / 1e6))
        await asyncio.sleep(PAUSE)
    return times


def main() -> None:
    """Measure and report."""
    with ExitStack() as stack:

        def child(*arguments: str) -> Child:
            return stack.enter_context(closing(Child("benchmarks.bench_handler_latency", *arguments)))

        unused = stack.enter_context(socket.socket())
        unused.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        endpoints = {
            PLAIN: "",
            "collector up": child("collector", "up").first,
            "collector absent": f"http://127.0.0.1:{unused.getsockname()[1]}",
            "collector hanging": child("collector", "hanging").first,
        }
        api = child("telegram").first
        bots = {name: child("bot", str(api), str(endpoint)) for name, endpoint in endpoints.items()}
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in bots}
        for number in range(ROUNDS):
            names = list(bots)
            for name in names[number % 4 :] + names[: number % 4]:  # nobody always comes first
                times[name] += [(wall, cpu) for wall, cpu in bots[name].ask()]
    _report(times)


def _report(times: dict[str, list[tuple[float, float]]]) -> None:
    def cuts(name: str, which: int) -> tuple[float, float]:
        hundredths = statistics.quantiles([taken[which] for taken in times[name]], n=100)
        return hundredths[49], hundredths[98]

    rows = []
    for name in times:
        row: list[str] = [name]
        for which in (0, 1):
            plain, own = cuts(PLAIN, which), cuts(name, which)
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
    match sys.argv[1:]:
        case []:
            main()
        case ["telegram"]:
            asyncio.run(telegram())
        case ["collector", behaviour]:
            collector(behaviour)
        case ["bot", api, endpoint]:
            asyncio.run(bot(api, endpoint))
