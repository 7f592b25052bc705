"""What recording costs a bot that does more than answer texts: time of its handlers, and memory after uploads.

    python -m benchmarks.bench_any_bot

Two bots, each in a process of its own, take turns: bare, and instrumented with a collector that takes its events. Each update
is a text that is answered, streamed by edits, by uploaded photos, or by a copy; some are photos of people. Some answers are
returned, as a webhook's handlers may: those leave inside its response. An update's time
is that of `Dispatcher.feed_update` without what Telegram takes: calls of the Bot API are answered by a session inside the
process, so that the difference is not lost in the network's noise. By the clock it has every other program of the machine in it;
the processor time of the bot's thread has not. What is recorded when a handler is done is not in an update's time: "an update in
all" is the processor time of the bot's thread, a round's over its updates. Memory is the process's resident set after as many
updates.
"""

import asyncio
import gc
import json
import statistics
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import ExitStack, closing
from typing import Any

import psutil
from aiogram import Bot, Dispatcher, F
from aiogram.client.session.base import BaseSession
from aiogram.methods import CopyMessage, EditMessageText, GetMe, SendMessage, SendPhoto, TelegramMethod
from aiogram.types import BufferedInputFile, Message, MessageId, Update, User

from benchmarks.child import Child
from benchmarks.report import report
from chattrail import create_tracker
from chattrail.aiogram import instrument
from tests.support.fakes.otlp_receiver import OtlpReceiver

ROUNDS, UPDATES = 100, 100
LIMIT_MS, LIMIT_MB = 0.5, 15.0
UPLOAD = 4 * 1024 * 1024
UPLOADS_EVERY = 25
PEOPLE = 500


class Answering(BaseSession):
    """Answers calls as Telegram would, at once."""

    def __init__(self) -> None:
        super().__init__()
        self._number = 1_000_000

    async def make_request(self, bot: Bot, method: TelegramMethod[Any], timeout: int | None = None) -> Any:  # noqa: ASYNC109
        """Return a message with the content of the call."""
        self._number += 1
        if isinstance(method, GetMe):
            return User(id=42, is_bot=True, first_name="Bench", username="bench_bot")
        if isinstance(method, CopyMessage):
            return MessageId(message_id=self._number)
        chat_id: Any = getattr(method, "chat_id", 0)
        content: dict[str, Any] = {"text": getattr(method, "text", None)}
        if isinstance(method, SendPhoto):
            size = {"file_id": f"f{self._number}", "file_unique_id": f"u{self._number}", "width": 800, "height": 600}
            content = {"photo": [size], "caption": method.caption}
        number = method.message_id if isinstance(method, EditMessageText) else self._number
        chat = {"id": chat_id, "type": "private", "first_name": "Ann"}
        message = {"message_id": number, "date": int(time.time()), "chat": chat, **content}
        await asyncio.sleep(0)
        return Message.model_validate(message, context={"bot": bot})

    async def stream_content(self, *args: Any, **options: Any) -> AsyncGenerator[bytes, None]:
        """Nothing is downloaded here."""
        yield b""

    async def close(self) -> None:
        """Nothing is open."""


def handlers(dispatcher: Dispatcher) -> None:
    """Answer by what the text asks for."""

    @dispatcher.message(F.text == "stream")
    async def stream(message: Message) -> None:
        answer = await message.answer("…")
        for count in range(1, 6):
            await answer.edit_text("word " * count * 5)

    @dispatcher.message(F.text == "upload")
    async def upload(message: Message) -> SendPhoto:
        await message.answer_photo(BufferedInputFile(bytes(UPLOAD), "a.png"), caption="here")
        return message.answer_photo(BufferedInputFile(bytes(UPLOAD), "b.png"), caption="and there")

    @dispatcher.message(F.photo)
    async def copy(message: Message) -> None:
        await message.copy_to(message.chat.id)

    @dispatcher.message()
    async def answer(message: Message) -> SendMessage:
        await message.answer("An answer of the usual length, as a bot would give it.")
        return message.reply("and another one, returned")


async def bot(endpoint: str) -> None:
    """Child: a bot; a round for every line it is sent."""
    bot, dispatcher = Bot("42:TEST", session=Answering()), Dispatcher()
    handlers(dispatcher)
    if endpoint:
        instrument(dispatcher, bot, create_tracker("bench", endpoint=endpoint), webhook_replies=True)
    await feed(dispatcher, bot, 0)
    gc.collect()
    gc.freeze()
    print(json.dumps(resident()), flush=True)
    number = 1
    while await asyncio.to_thread(sys.stdin.readline):
        worked = time.thread_time_ns()
        times = await feed(dispatcher, bot, number)
        number += 1
        print(json.dumps([resident(), times, (time.thread_time_ns() - worked) / UPDATES / 1e6]), flush=True)


def resident() -> float:
    """The process's memory in MB."""
    return float(psutil.Process().memory_info().rss / 2**20)


async def feed(dispatcher: Dispatcher, bot: Bot, round_number: int) -> list[tuple[float, float]]:
    """Feed a round of updates one after the other; how long each took, by the clock and of the processor, in ms."""
    times = []
    for index in range(UPDATES):
        number = round_number * UPDATES + index
        person = 1000 + number % PEOPLE
        user = {"id": person, "is_bot": False, "first_name": "Ann", "username": f"ann{person}"}
        chat = {"id": person, "type": "private", "first_name": "Ann"}
        content: dict[str, Any] = {"text": ("hello", "stream", "hi", "how are you")[number % 4]}
        if number % UPLOADS_EVERY == 0:
            content = {"text": "upload"}
        elif number % 10 == 7:
            content = {"photo": [{"file_id": f"p{number}", "file_unique_id": f"q{number}", "width": 9, "height": 9}]}
        message = {"message_id": number + 1, "date": int(time.time()), "chat": chat, "from": user, **content}
        update = Update.model_validate({"update_id": number, "message": message}, context={"bot": bot})
        began, worked = time.perf_counter_ns(), time.thread_time_ns()
        await dispatcher.feed_update(bot, update)
        times.append(((time.perf_counter_ns() - began) / 1e6, (time.thread_time_ns() - worked) / 1e6))
        await asyncio.sleep(0.001)
    return times


def collector() -> None:
    """Child: takes events."""
    with OtlpReceiver() as receiver:
        print(json.dumps(receiver.url), flush=True)
        sys.stdin.read()


def main() -> None:
    """Measure and report."""
    with ExitStack() as stack:

        def child(*arguments: str) -> Child:
            return stack.enter_context(closing(Child("benchmarks.bench_any_bot", *arguments)))

        endpoint = child("collector").first
        bots = {"bare": child("bot", ""), "instrumented": child("bot", str(endpoint))}
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in bots}
        memory: dict[str, list[float]] = {name: [float(bots[name].first)] for name in bots}
        whole: dict[str, list[float]] = {name: [] for name in bots}
        for number in range(ROUNDS):
            for name in list(bots)[:: 1 if number % 2 else -1]:
                now, taken, in_all = bots[name].ask()
                times[name] += taken
                whole[name].append(in_all)
                memory[name].append(now)
    rows = []
    for name in bots:
        row = [name]
        for which in (0, 1):
            cuts, bare = (statistics.quantiles([t[which] for t in times[one]], n=100) for one in (name, "bare"))
            row += [f"{cuts[49]:.2f}", f"{cuts[98]:.2f}", f"{cuts[98] - bare[98]:+.2f}"]
        grown, bare_grown = (statistics.median(memory[one][-5:]) - memory[one][0] for one in (name, "bare"))
        row.append(f"{statistics.median(whole[name]):.2f}")
        rows.append([*row, f"{memory[name][0]:.1f}", f"{grown:.1f}", f"{grown - bare_grown:+.1f}"])
    report(
        "Recording any bot",
        "python -m benchmarks.bench_any_bot",
        (
            "bot",
            "p50 ms",
            "p99 ms",
            "Δ p99 ms",
            "CPU p50 ms",
            "CPU p99 ms",
            "Δ CPU p99 ms",
            "an update in all, CPU ms",
            "MB at start",
            "grown MB",
            "Δ MB",
        ),
        rows,
        f"{ROUNDS * UPDATES:,} updates each, in turns, every {UPLOADS_EVERY}th with two uploads of {UPLOAD // 2**20} MB; "
        f"the promise is a Δ p99 of at most {LIMIT_MS:g} ms and {LIMIT_MB:g} MB.",
    )


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            main()
        case ["collector"]:
            collector()
        case ["bot", endpoint]:
            asyncio.run(bot(endpoint))
